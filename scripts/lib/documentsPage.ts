/** docs/reference/documents.md: what `--json` prints, as the types of the sources have it. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isNode, type Node, parseModule, walk } from "../../src/assemble/ast.ts";
import type { CommandRow } from "../../src/contract/commands/define.ts";
import { HOST_COMMANDS } from "../../src/contract/commands/host.ts";
import { TOOL_COMMANDS } from "../../src/contract/commands/tool.ts";

const src = fileURLToPath(new URL("../../src", import.meta.url));

/** Where a document's type stands, or a file that imports it. */
const DOCUMENT_FILES = [
  "protocol/documents.ts",
  "cli/documents.ts",
  "pack/built.ts",
  "assemble/listing.ts",
  "protocol/report.ts",
  "release/status.ts",
  "release/delta.ts",
  "handler/unpack.ts",
  "relup/instructions.ts",
  "control/commands/describe.ts",
  "pack/inspect.ts",
  "pack/keys.ts",
  "image/image.ts",
  "store/pull.ts",
  "config/reference.ts",
];

/** Known to every reader of TypeScript, or too large to be of use. */
const LEFT_OUT = new Set([
  "Omit",
  "Exclude",
  "Extract",
  "Record",
  "Config",
  "Reason",
  "RolloutPlan",
]);

const namesOf = (document: string): string[] => document.split(/[^\w]+/).filter(Boolean);

/** `Status | NotRunning`, each a link. */
export const anchorsOf = (document: string): string =>
  document.replace(/\w+/g, (name) => `[${name}](documents.md#${name.toLowerCase()})`);

export function documentsPage(): string {
  const commands = [...linesOf("tsugi", TOOL_COMMANDS), ...linesOf("bin/<app>", HOST_COMMANDS)];
  const named = [
    ...Object.values<CommandRow>(TOOL_COMMANDS),
    ...Object.values<CommandRow>(HOST_COMMANDS),
  ];
  const documents = new Set([
    "Failed",
    "Notice",
    ...named.flatMap(({ document = "" }) => namesOf(document)),
  ]);
  const found = new Map<string, string>();
  for (const name of documents) collect(name, fileOf(name), found);
  const section = (name: string) =>
    `### ${name}\n\n\`\`\`ts no-test reason="a type"\n${found.get(name)}\n\`\`\``;
  const parts = [...found.keys()].filter((name) => !documents.has(name)).sort();
  return `# Documents

<!-- Written by \`npm run docs\` from the types in src/: change them there. -->

With \`--json\` a command prints one document on stdout, and nothing else; the deploy commands print one a line. Times in a
document are ISO 8601, durations end in \`Ms\`. A command that fails prints [Failed](#failed), or its own document with an
\`error\` in it: an upgrade its report, \`status\` what is there. New keys may come at any time; a key is never given another
meaning. [Notice](#notice) is what the setting \`notify\` sends.

| | |
|---|---|
${commands.join("\n")}

## The documents

${[...documents].sort().map(section).join("\n\n")}

## What they are made of

${parts.map(section).join("\n\n")}
`;
}

function linesOf(program: string, rows: Record<string, CommandRow>): string[] {
  return Object.entries(rows).flatMap(([verb, { document }]) =>
    document === undefined
      ? []
      : [
          `| \`${program} ${verb}\` | ${anchorsOf(document).replaceAll("documents.md", "").replaceAll("|", "\\|")} |`,
        ],
  );
}

interface Declarations {
  types: Map<string, { text: string; names: string[] }>;
  /** Imported name → file. */
  imports: Map<string, string>;
}

const read = new Map<string, Declarations>();

function declarationsIn(file: string): Declarations {
  const known = read.get(file);
  if (known) return known;
  const code = readFileSync(join(src, file), "utf8");
  const ast = parseModule(code, file);
  if (ast === undefined) throw new Error(`${file} does not parse`);
  const result: Declarations = { types: new Map(), imports: new Map() };
  for (const statement of ast.body as Node[]) {
    const source = (statement.source as Node | null)?.value;
    if (typeof source === "string" && source.startsWith(".")) {
      for (const specifier of (statement.specifiers ?? []) as Node[]) {
        const local = (specifier.local ?? specifier.exported) as Node;
        result.imports.set(String(local.name), join(dirname(file), source));
      }
    }
    const declared = isNode(statement.declaration) ? statement.declaration : statement;
    if (!/^TS(Interface|TypeAlias)Declaration$/.test(declared.type)) continue;
    const name = String((declared.id as Node).name);
    const above =
      /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n$/.exec(code.slice(0, statement.start))?.[0] ?? "";
    const text = above + withConstants(code.slice(declared.start, declared.end), code);
    result.types.set(name, { text, names: typeNames(declared).filter((other) => other !== name) });
  }
  read.set(file, result);
  return result;
}

/** `typeof REPORT_FORMAT` says nothing to a reader: what it is does. */
const withConstants = (text: string, code: string): string =>
  text.replace(/;$/, "").replace(/typeof ([A-Z_]+)/g, (whole, name) => {
    return new RegExp(`const ${name}(?:: \\w+)? = (\\S+);`).exec(code)?.[1] ?? whole;
  });

function typeNames(declaration: Node): string[] {
  const names: string[] = [];
  walk(declaration, (node) => {
    const name = node.type === "TSTypeReference" ? node.typeName : node.expression;
    const isHeritage = /^TS(InterfaceHeritage|ClassImplements)$/.test(node.type);
    if ((node.type === "TSTypeReference" || isHeritage) && isNode(name))
      names.push(String(name.name));
    return undefined;
  });
  return names;
}

function fileOf(name: string): string {
  const file = DOCUMENT_FILES.find((path) => declarationsIn(path).types.has(name));
  if (file === undefined) throw new Error(`no file of DOCUMENT_FILES has the type ${name}`);
  return file;
}

/** A type and what it is made of, each once. */
function collect(name: string, file: string, found: Map<string, string>): void {
  if (found.has(name) || LEFT_OUT.has(name)) return;
  const { types, imports } = declarationsIn(file);
  const here = types.get(name);
  if (here === undefined) {
    const from = imports.get(name);
    if (from !== undefined) collect(name, from, found);
    return;
  }
  found.set(name, here.text);
  for (const other of here.names) collect(other, file, found);
}
