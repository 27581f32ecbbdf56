/** The reference pages that are generated: from the contract, the schema of the configuration and the types. */

import { configReference } from "../../src/config/reference.ts";
import { ERRORS } from "../../src/contract/errors.ts";
import { SETTINGS } from "../../src/contract/settings.ts";
import {
  MIN_BITS_A_CHARACTER,
  MIN_LENGTH,
  NO_SECRET_NAME,
  SECRET_NAME,
} from "../../src/pack/secrets/known.ts";
import { NAMED_RULES } from "../../src/pack/secrets/named.ts";
import { CREDENTIAL_FILES, RULES } from "../../src/pack/secrets/rules.ts";
import { commandsPage } from "./commandsPage.ts";
import { documentsPage } from "./documentsPage.ts";
import { frameworksPage } from "./frameworksPage.ts";
import { manPages } from "./manPages.ts";

/** Page → text. `npm run docs` writes them; a test holds the files against this. */
export const generatedPages = (): Record<string, string> => ({
  "docs/reference/commands.md": commandsPage(),
  "docs/reference/documents.md": documentsPage(),
  "docs/reference/configuration.md": configurationPage(),
  "docs/reference/errors.md": errorsPage(),
  "docs/reference/secrets.md": secretsPage(),
  "docs/guides/your-framework.md": frameworksPage(),
  ...manPages(),
});

function configurationPage(): string {
  const keys = configReference();
  const tops = keys.filter(({ path }) => !/[.[]/.test(path));
  const sections = tops.map((top) => {
    const below = keys.filter(
      ({ path }) => path.startsWith(`${top.path}.`) || path.startsWith(`${top.path}[`),
    );
    const rows = below.map(
      ({ path, type, text }) => `| \`${path}\` | ${cell(type)} | ${plain(text)} |`,
    );
    const table = rows.length === 0 ? [] : ["", "| key | type | |", "|---|---|---|", ...rows];
    const overlaid = top.path in SETTINGS ? " A host may overlay it in its etc/config.json." : "";
    const text = `\`${top.type}\`. ${plain(top.text)}${overlaid}`;
    return [`## \`${top.path}\``, "", text, ...table].join("\n");
  });
  return `# Configuration

<!-- Written by \`npm run docs\` from src/config/schema.ts and src/contract/settings.ts: change it there. -->

\`tsugi.config.ts\` (or \`.mts\`, \`.js\`, \`.mjs\`, \`.cjs\`, \`.json\`) lies beside package.json. Every key is optional; what
a release guesses instead, it prints. The same list on a terminal: \`tsugi help config\`.

\`\`\`ts
import { defineConfig } from "tsugi";

export default defineConfig({
  entry: "src/server.ts",
  health: { path: "/healthz" },
});
\`\`\`

${sections.join("\n\n")}
`;
}

function errorsPage(): string {
  const EXIT: Record<number, string> = {
    1: "failed",
    2: "wrong usage",
    3: "not running",
    4: "refused or thawed: the old version serves as before",
    5: "handed back: the old version serves again",
  };
  const entries = Object.entries(ERRORS).sort(([a], [b]) => (a < b ? -1 : 1));
  const sections = entries.map(
    ([code, { exitCode, message, hint }]) =>
      `## ${code}\n\nExit code ${exitCode} (${EXIT[exitCode]}).\n\n> ${quote(message)}\n\n→ ${quote(hint)}`,
  );
  return `# Errors

<!-- Written by \`npm run docs\` from src/contract/errors/: change it there. -->

Every error has a code, says what was expected and what was found, and names the next step (→). Words in braces are
filled in. With \`--json\` the error is a document of its own: \`{ "error": { code, message, hint, exitCode, details } }\`.

${sections.join("\n\n")}
`;
}

function secretsPage(): string {
  const files = CREDENTIAL_FILES.map(({ names, what }) => `| ${code(names)} | ${what} |`);
  const forms = [
    ...RULES.map(
      ({ what, starts, isOwnOnly }) =>
        `| ${what} | ${code(starts.join(", "))} | ${isOwnOnly ? "own files" : "all"} |`,
    ),
    ...NAMED_RULES.map(({ what, foundBy }) => `| ${what} | ${code(foundBy)} | own configuration |`),
  ];
  return `# What counts as a secret

<!-- Written by \`npm run docs\` from src/pack/secrets/: change it there. -->

\`tsugi release\` searches all that it packs: the project's own files, compiled or not, with their source maps, its packages
and its settings. Each finding is an error with the file and the line, never with the value (\`TSUGI_SECRET_FOUND\`). What is
none is said in \`tsugi.config.ts\`, with the reason; it then counts as none wherever it stands:

\`\`\`ts
import { defineConfig } from "tsugi";

export default defineConfig({
  secrets: { allow: [{ file: "public/map.js", reason: "a browser's key, bound to our domain" }] },
});
\`\`\`

\`file\` is a path or a glob, as the error names it. An entry that allows nothing is warned of.

What a package ships that a registry gives out (a key among its examples) is no secret of yours: it is noted, and no stop. A
package that is your own, by a path, a link or git, is searched as your files are; and a value that is secret here (of your
\`.env\`, of the environment of the build) is refused wherever it stands.

## Files that are left out

\`.env\` and \`.env.*\` are never packed; the build says so, and that their variables go into \`<root>/etc/env\`.

Nor is what only deploys a project, unless its code names it or \`files\` in the configuration takes it: ecosystem files of
PM2, Dockerfiles and compose files, \`fly.toml\` and the like of platforms and pipelines, \`*.tf\` and \`*.tfvars\`, manifests of
Kubernetes and charts of Helm.

## Files that are credentials

| file | |
|---|---|
${files.join("\n")}

## Values that are known to be secret

A build script or a bundler may have replaced \`process.env.X\` by its value. So the values are searched for, as they are, as
JSON writes them and in base64, of:

- variables of the build's environment whose name matches \`${pattern(SECRET_NAME)}\`
  and not \`${pattern(NO_SECRET_NAME)}\`, in any case of letters;
- of an address (\`postgres://user:password@host/…\`) in a variable that is called so or \`…_URL\`, the whole and its password;
- the same of the project's \`.env\`, \`.env.local\`, \`.env.production\` and \`.env.production.local\`;
- tokens and passwords in the \`.npmrc\` of the user and of the project.

A value counts from ${MIN_LENGTH} characters on, if it has at least ${MIN_BITS_A_CHARACTER} bits a character (Shannon's entropy of its own
characters: \`aaaaaaaaaaaa\` has 0). The path of a file that exists is none.

## Forms

The forms of tokens are those that their issuers document and that secretlint and gitleaks look for. A placeholder
(\`xxxx\`, \`your-token\`, few different characters) is none. JSON Web Tokens are not searched for: those that browsers get are
public.

| | found by | in |
|---|---|---|
${forms.join("\n")}
`;
}

const code = (text: string) => `\`${text.replaceAll("|", "\\|")}\``;
const pattern = ({ source }: RegExp) => source.replaceAll("(?:", "(");
const cell = (type: string) => `\`${type.replaceAll("|", "\\|")}\``;
const plain = (text: string) =>
  text
    .replaceAll("|", "\\|")
    .replace(/<(\w+)>/g, "&lt;$1&gt;")
    .replaceAll("*", "\\*");
const quote = (text: string) =>
  text
    .replace(/<([^>]+)>/g, "&lt;$1&gt;")
    .replaceAll("\n", " ")
    .replaceAll("*", "\\*");
