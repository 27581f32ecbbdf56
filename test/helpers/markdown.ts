/** Markdown as the tests of the documentation need it: fenced blocks, headings, links. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { projectRoot } from "./example.ts";

export interface Block {
  language: string;
  /** `file=src/server.ts`: the block is that file. */
  file?: string;
  /** `no-test reason="…"`: not run, and why. */
  untested?: { reason: string };
  text: string;
  line: number;
}

export interface Page {
  /** Relative to the project. */
  path: string;
  text: string;
  blocks: Block[];
  /** The text without its fenced blocks: where links are links. */
  prose: string;
}

const FENCE = /^```(\S*)[ \t]*(.*)$/;

export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open: (Block & { lines: string[] }) | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const fence = FENCE.exec(line);
    if (open === undefined && fence === null) prose.push(line);
    else if (open === undefined) {
      open = { ...blockOf(fence![1]!, fence![2]!), line: index + 1, lines: [] };
    } else if (line === "```") {
      const { lines, ...block } = open;
      blocks.push({ ...block, text: lines.map((one) => `${one}\n`).join("") });
      open = undefined;
    } else open.lines.push(line);
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: a fence that is never closed`);
  return { path, text, blocks, prose: prose.join("\n") };
}

function blockOf(language: string, info: string) {
  const file = /(?:^|\s)file=(\S+)/.exec(info)?.[1];
  const reason = /(?:^|\s)reason="([^"]*)"/.exec(info)?.[1] ?? "";
  const untested = /(?:^|\s)no-test(\s|$)/.test(info) ? { untested: { reason } } : {};
  return { language, ...(file === undefined ? {} : { file }), ...untested, text: "" };
}

/** Pages that people read: the project's own and docs/, the generated ones included. */
export function readPages(): Page[] {
  const own = readdirSync(projectRoot).filter((name) => name.endsWith(".md"));
  const docs = readdirSync(join(projectRoot, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name));
  const examples = [join("examples", "admiral-stats-api", "README.md")];
  return [...own, ...docs, ...examples]
    .sort()
    .map((path) => parsePage(path, readFileSync(join(projectRoot, path), "utf8")));
}

export const pageAt = (path: string): Page =>
  parsePage(path, readFileSync(join(projectRoot, path), "utf8"));

/** Targets of links, without those to other sites. */
export function relativeLinks({ prose }: Page): string[] {
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that a forge makes of headings. */
export function anchorsOf({ prose }: Page): Set<string> {
  const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map((match) => match[1]!);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replace(/\s/g, "-"),
    ),
  );
}

export const inProject = (path: string): string => relative(projectRoot, path);
