/**
 * Runs a page as a reader would: its files are written, its commands typed, one after the other, in
 * one shell. What a `console` block shows after a command has to be in the command's output.
 *
 *   ```ts file=src/server.ts          the file, relative to the folder that the reader is in
 *   ```sh                             commands; each has to succeed
 *   ```console                        `$ command`, then what it prints: numbers may differ,
 *                                     `…` stands for anything, and lines may be left out
 *   ```sh no-test reason="…"          is not run, and says why
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./commands.ts";
import { projectRoot } from "./example.ts";
import type { Block, Page } from "./markdown.ts";
import { freePort } from "./ports.ts";

export interface Sandbox {
  /** What `~` is for the reader. */
  home: string;
  env: NodeJS.ProcessEnv;
  /** What a page says → what is meant here: paths, ports. */
  replace: [from: string, to: string][];
}

interface Command {
  line: number;
  text: string;
  /** Lines to be found in its output. */
  shown: string[];
  mustSucceed: boolean;
}

const runs = (block: Block) => ["sh", "console"].includes(block.language);

export const isRunnable = (block: Block): boolean => runs(block) && block.untested === undefined;

export const isUnmarked = (block: Block): boolean => block.untested?.reason === "";

export async function playPage(page: Page, sandbox: Sandbox): Promise<void> {
  const commands: Command[] = [];
  const script = page.blocks.flatMap((block) => scriptOf(block, commands));
  const text = inSandbox(["cd", ...script].join("\n"), sandbox);
  const { output } = await runCommand("bash", ["-c", `exec 2>&1\n${text}`], {
    cwd: sandbox.home,
    env: sandbox.env,
    timeoutMs: 180_000,
  });
  const outputs = split(output);
  for (const [index, command] of commands.entries()) {
    const where = `${page.path}:${command.line}: ${command.text}`;
    const found = outputs.get(index);
    assert.ok(found, `${where}\nwas never reached; the output ends with\n${output.slice(-2000)}`);
    if (command.mustSucceed) assert.equal(found.status, 0, `${where}\n${found.text}`);
    checkShown(where, inSandbox(command.shown.join("\n"), sandbox).split("\n"), found.text);
  }
}

/** Each command stands between two marks; the second one has its exit code. */
function scriptOf(block: Block, commands: Command[]): string[] {
  if (block.file !== undefined) {
    return [`mkdir -p "$(dirname ${block.file})"`, `cat >${block.file} <<'END OF FILE'`].concat(
      `${block.text}END OF FILE`,
    );
  }
  if (!isRunnable(block)) return [];
  return commandsOf(block).flatMap((command) => {
    const index = commands.push(command) - 1;
    return [`printf '\\n@begin ${index}\\n'`, command.text, `printf '\\n@end ${index} %d\\n' $?`];
  });
}

function commandsOf(block: Block): Command[] {
  const lines = block.text.trimEnd().split("\n");
  if (block.language === "sh") {
    const text = lines.map((line) => (line.trim() === "" ? ":" : line)).join("\n");
    const strict = `set -e\n${text}\nset +e`;
    return [{ line: block.line, text: strict, shown: [], mustSucceed: true }];
  }
  const commands: Command[] = [];
  for (const [offset, line] of lines.entries()) {
    if (line.startsWith("$ ")) {
      const text = line.slice(2);
      commands.push({ line: block.line + 1 + offset, text, shown: [], mustSucceed: false });
    } else commands.at(-1)?.shown.push(line);
  }
  return commands;
}

/** All at once: what was put in may look like what is still to be replaced (port 14001, say). */
export function inSandbox(text: string, { replace }: Sandbox): string {
  const meant = new Map(replace);
  const said = new RegExp([...meant.keys()].map(literally).join("|"), "g");
  return text.replace(said, (from) => meant.get(from)!);
}

function split(output: string): Map<number, { text: string; status: number }> {
  const found = new Map<number, { text: string; status: number }>();
  for (const [, index, text, status] of output.matchAll(
    /@begin (\d+)\n([\s\S]*?)\n@end \1 (\d+)/g,
  )) {
    found.set(Number(index), { text: text!, status: Number(status) });
  }
  return found;
}

/** The lines shown, in their order, somewhere in the output. */
function checkShown(where: string, shown: string[], output: string): void {
  const lines = output.split("\n").map(normalise);
  let at = 0;
  for (const line of shown.map(normalise)) {
    if (line === "" || line === "…") continue;
    const pattern = new RegExp(`^${line.split("…").map(literally).join(".*")}$`);
    const found = lines.findIndex((one, index) => index >= at && pattern.test(one));
    assert.notEqual(found, -1, `${where}\nis said to print\n  ${line}\nit printed\n${output}`);
    at = found + 1;
  }
}

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Times, sizes, pids and hashes are other ones each time. */
const normalise = (line: string): string =>
  line
    .replace(/\b[0-9a-f]{8,}\b/g, "#")
    .replace(/\d+(\.\d+)?( ?m?s\b)?/g, (_, __, unit) => (unit ? "# t" : "#"))
    .replace(/\s+/g, " ")
    .trim();

/** A reader's computer: a home with a clone of tsugi in it, and folders for install roots. */
export async function makeSandbox(folder: string): Promise<Sandbox> {
  mkdirSync(join(folder, "srv"));
  symlinkSync(projectRoot, join(folder, "tsugi"));
  const [port, another] = [String(await freePort()), String(await freePort())];
  const { PATH, LANG, http_proxy, https_proxy } = process.env;
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const npmrc = join(homedir(), ".npmrc");
  assert.ok(statSync(join(projectRoot, "dist", "cli", "main.mjs")).isFile());
  return {
    home: folder,
    env: {
      PATH,
      LANG,
      http_proxy,
      https_proxy,
      HOME: folder,
      USER: "you",
      XDG_CACHE_HOME: cache,
      // Each build of a page is started by the page itself, or is no service at all.
      TSUGI_TRY: "0",
      npm_config_cache: process.env.npm_config_cache ?? join(homedir(), ".npm"),
      ...(existsSync(npmrc) ? { npm_config_userconfig: npmrc } : {}),
      npm_config_update_notifier: "false",
      // The temporary folder of a container is no volume.
      TSUGI_EPHEMERAL: "1",
    },
    replace: [
      ["/srv/", `${join(folder, "srv")}/`],
      ["4000", port],
      ["4001", another],
      // Those that we have: packages less to fetch.
      ["npm install --save-dev tsx", "npm install --save-dev ../tsugi/node_modules/tsx"],
      ...["semver", "ws"].map((name): [string, string] => [
        `npm install ${name}\n`,
        `npm install ../tsugi/node_modules/${name}\n`,
      ]),
    ],
  };
}
