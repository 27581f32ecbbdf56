/** The reference pages that are generated: from the schema of the configuration, from the errors. */
import { configReference } from "../../src/config/reference.ts";
import { ERRORS } from "../../src/errors.ts";

/** Page → text. `npm run docs` writes them; a test holds the files against this. */
export const generatedPages = (): Record<string, string> => ({
  "docs/reference/configuration.md": configurationPage(),
  "docs/reference/errors.md": errorsPage(),
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
    return [`## \`${top.path}\``, "", `\`${top.type}\`. ${plain(top.text)}`, ...table].join("\n");
  });
  return `# Configuration

<!-- Written by \`npm run docs\` from src/config/schema.ts: change it there. -->

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

<!-- Written by \`npm run docs\` from src/errors.ts: change it there. -->

Every error has a code, says what was expected and what was found, and names the next step (→). Words in braces are
filled in. With \`--json\` the error is a document of its own: \`{ "error": { code, message, hint, exitCode, details } }\`.

${sections.join("\n\n")}
`;
}

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
