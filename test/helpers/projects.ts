/** Small projects for the build's tests, and `tsugi` run on them. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { waitForLock } from "../../src/platform/lock.ts";
import { mustRun, runCommand } from "./commands.ts";
import { projectRoot, tsugiCli } from "./example.ts";

/** One Node for all the build's tests, so that it is fetched and compressed once. */
export const TEST_NODE = "24.21.0";

/** With the frameworks' packages at hand. */
export const linkFrameworks = (folder: string): void =>
  symlinkSync(join(frameworks, "node_modules"), join(folder, "node_modules"));

export const frameworks = join(projectRoot, "test", "fixtures", "frameworks");

/** The packages that the framework fixtures share, from their lock file; test files take turns. */
export async function installFrameworks(): Promise<void> {
  const isThere = () => existsSync(join(frameworks, "node_modules", ".package-lock.json"));
  if (isThere()) return;
  const unlock = await waitForLock(join(tmpdir(), "tsugi-frameworks.lock"));
  try {
    if (isThere()) return;
    await mustRun("npm", ["ci", "--ignore-scripts"], { cwd: frameworks, timeoutMs: 600_000 });
  } finally {
    await unlock();
  }
}

export function temporaryFolder(what: string): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), `tsugi-${what}-`));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Text is written as it is, other values as JSON. */
export function writeFiles(folder: string, files: Record<string, unknown>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    const text = typeof content === "string" ? content : JSON.stringify(content, null, 2);
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** `tsugi <args>` as a user runs it. CI is taken out: it forbids guesses that most tests want. */
export function tsugi(
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
  timeoutMs?: number,
) {
  const { CI: _, NODE_OPTIONS: __, ...plain } = process.env;
  return runCommand(process.execPath, [tsugiCli, ...args], {
    cwd,
    env: { ...plain, ...env },
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

export async function mustTsugi(
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
  timeoutMs?: number,
) {
  const result = await tsugi(args, cwd, env, timeoutMs);
  if (result.status !== 0) throw new Error(`tsugi ${args.join(" ")}\n${result.output}`);
  return result;
}

/**
 * A stand-in for Node's binary that says what it is and takes no time to pack. Only for tests that
 * never start the release.
 */
export function standInNode(folder: string, version = TEST_NODE): string {
  const file = join(folder, "stand-in", "bin", "node");
  writeFiles(folder, { "stand-in/bin/node": `#!/bin/sh\necho ${version} linux-x64\n` });
  writeFiles(folder, { "stand-in/LICENSE": "a licence\n" });
  chmodSync(file, 0o755);
  return file;
}

/** A service of one file, released with the stand-in. */
export function smallProject(folder: string, files: Record<string, unknown> = {}): string {
  return writeFiles(folder, {
    "package.json": { name: "small", version: "1.0.0", type: "module", private: true },
    "tsugi.config.json": { runtime: { from: standInNode(folder) } },
    "src/server.ts": 'import { createServer } from "node:http";\ncreateServer().listen(0);\n',
    ...files,
  });
}

/** Every file below a folder, by relative path, as text; links as `→ target`. */
export function snapshot(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) found[relative(folder, path)] = `→ ${readlinkSync(path)}`;
    else if (entry.isFile()) found[relative(folder, path)] = readFileSync(path, "latin1");
  }
  return found;
}

/** The build cache of this process; @returns what gives it back the one it had. */
export function useCache(folder: string): () => void {
  const { TSUGI_CACHE: earlier } = process.env;
  process.env.TSUGI_CACHE = folder;
  return () => {
    if (earlier === undefined) delete process.env.TSUGI_CACHE;
    else process.env.TSUGI_CACHE = earlier;
  };
}
