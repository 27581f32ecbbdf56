/**
 * `wall`, the small service of the host tests: real releases, built by `tsugi release` with the
 * Node that runs the tests, installed from the tarball alone.
 */

import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { buildsIn } from "../../src/release/layout.ts";
import { mustRun } from "./commands.ts";
import { Host, makeHostPath } from "./host.ts";
import { PATIENCE_MS } from "./patience.ts";
import { freePort } from "./ports.ts";

const tsugiCli = fileURLToPath(new URL("../../dist/cli/main.mjs", import.meta.url));

/** Answers in JSON who it is; `extra` runs before it listens. */
const source = (version: string, extra: string) => `
import http from "node:http";
globalThis.wall = { version: ${JSON.stringify(version)}, hits: 0 };
${extra}
const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://x");
  if (pathname === "/crash") process.exit(7);
  if (pathname === "/healthz") {
    response.statusCode = globalThis.unhealthy ? 500 : 200;
    return response.end();
  }
  if (pathname === "/say") console.log("said " + request.url);
  if (request.headers["user-agent"] !== "tsugi") wall.hits += 1;
  const { COLOUR: colour = null } = process.env;
  const answer = () => response.end(JSON.stringify({ ...wall, pid: process.pid, colour }));
  if (pathname === "/slow") setTimeout(answer, 300);
  else answer();
});
server.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening"));
`;

export interface WallVersion {
  /** Code that runs before the server listens. */
  extra?: string;
  config?: object;
}

export interface WallOptions {
  env?: Record<string, string>;
  config?: object;
}

export interface WallReleases {
  folder: string;
  tarball(version: string): string;
  tree(version: string): string;
  /** An install root with that version extracted and not started; stopped after the test. */
  host(t: TestContext, version?: string, options?: WallOptions): Promise<Wall>;
  dispose(): void;
}

export interface Wall {
  host: Host;
  port: number;
  get(
    path?: string,
  ): Promise<{ version: string; hits: number; pid: number; colour: string | null }>;
}

/** Short waits, so that the tests are quick; each still far above what is needed. */
const CONFIG = {
  timeouts: { probationMs: 2000, stopMs: 3000, readyMs: 10_000 },
  health: { intervalMs: 50 },
};

export async function buildWall(versions: Record<string, WallVersion>): Promise<WallReleases> {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-wall-"));
  const path = makeHostPath(join(folder, "path"));
  for (const [version, { extra = "", config = {} }] of Object.entries(versions)) {
    await build(join(folder, version), version, extra, config);
  }
  const tree = (version: string) => join(buildsIn(join(folder, version)), "wall");
  const tarball = (version: string) => join(tree(version), "releases", version, "wall.tar.gz");
  let hosts = 0;
  return {
    folder,
    tarball,
    tree,
    host: async (t, version = Object.keys(versions)[0]!, { env = {}, config = {} } = {}) => {
      hosts += 1;
      const port = await freePort();
      const root = join(folder, `host${hosts}`);
      mkdirSync(root);
      const options = { env: { PORT: String(port), ...env }, config: { ...CONFIG, ...config } };
      const host = new Host({ root, name: "wall", path, ...options });
      t.after(() => host.app("stop").catch(() => {})); // one test moves its root away
      await install(host, tarball(version), join(folder, `extracted-${version}`));
      const get = async (at = "/") => {
        const response = await fetch(`http://127.0.0.1:${port}${at}`, {
          headers: { connection: "close" },
          signal: AbortSignal.timeout(5_000),
        });
        return (await response.json()) as Awaited<ReturnType<Wall["get"]>>;
      };
      return { host, port, get };
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Extracts the tarball once; further hosts get a copy, with the 100 MB of Node as a hard link. */
async function install(host: Host, tarball: string, extracted: string): Promise<void> {
  if (!existsSync(extracted)) {
    mkdirSync(extracted);
    await host.run("tar", ["xzf", tarball, "-C", extracted]);
  }
  const isNode = (path: string) => /\/runtime\/[^/]+\/bin\/node$/.test(path);
  cpSync(extracted, host.root, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !isNode(path),
  });
  for (const runtime of readdirSync(join(extracted, "runtime"))) {
    const node = join("runtime", runtime, "bin", "node");
    linkSync(join(extracted, node), join(host.root, node));
  }
}

async function build(folder: string, version: string, extra: string, config: object) {
  mkdirSync(folder);
  const project = { name: "wall", version, type: "module", main: "server.js" };
  writeFileSync(join(folder, "package.json"), JSON.stringify(project));
  writeFileSync(join(folder, "server.js"), source(version, extra));
  const runtime = { node: process.versions.node, from: process.execPath };
  const settings = JSON.stringify({ runtime, ...config });
  writeFileSync(join(folder, "tsugi.config.mjs"), `export default ${settings};\n`);
  await mustRun(process.execPath, [tsugiCli, "release", "--config", "tsugi.config.mjs"], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: "" },
  });
}

/** Waits for a condition; the tests never sleep. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  timeoutMs = PATIENCE_MS,
) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A zombie that nobody has waited for yet does not run. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}
