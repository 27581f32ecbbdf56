/**
 * PM2 in cluster mode with one worker, as a state in memory needs it, on the release's own Node; its
 * `reload` starts the new worker before it ends the old one.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { mustRun } from "../../test/helpers/commands.ts";
import { freePort } from "../../test/helpers/ports.ts";
import { type Bench, untilAnswers } from "../lib/bench.ts";
import { type Contestant, childrenOf } from "./contestant.ts";
import { copySource, editSource } from "./source.ts";

export const PM2_VERSION = "7.0.4";

export class Pm2 implements Contestant {
  readonly name = "pm2";
  readonly port: number;
  readonly #folder: string;
  readonly #node: string;
  readonly #script: string;
  readonly #env: NodeJS.ProcessEnv;

  static async make(bench: Bench, project: string, node: string, app = "feed"): Promise<Pm2> {
    const script = join(await installPm2(), "node_modules", "pm2", "bin", "pm2");
    const folder = copySource(project, join(bench.folder, "projects", `${app}-pm2`));
    const pm2 = new Pm2(folder, node, script, await freePort(), join(bench.folder, `pm2-${app}`));
    bench.onEnd(() => pm2.stop());
    return pm2;
  }

  private constructor(folder: string, node: string, script: string, port: number, home: string) {
    this.#folder = folder;
    this.#node = node;
    this.#script = script;
    this.port = port;
    this.#env = { ...process.env, PM2_HOME: home, PORT: String(port), NODE_ENV: "production" };
  }

  run(...args: string[]) {
    return mustRun(this.#node, [this.#script, ...args], { cwd: this.#folder, env: this.#env });
  }

  start() {
    return this.run("start", "server.js", "--name", "feed", "-i", "1", "--interpreter", this.#node);
  }

  stop() {
    return this.run("kill");
  }

  async prepare(version: string) {
    editSource(this.#folder, version);
    return async () => {
      await this.run("reload", "feed");
      await untilAnswers(this.port, version);
    };
  }

  async pids() {
    const daemon = Number(readFileSync(join(this.#env.PM2_HOME!, "pm2.pid"), "utf8"));
    return { supervising: [daemon], serving: childrenOf(daemon) };
  }
}

/** From npm, once; it is no dependency of tsugi. */
async function installPm2(): Promise<string> {
  const { XDG_CACHE_HOME } = process.env;
  const cache = join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsugi-bench");
  const folder = join(cache, `pm2-${PM2_VERSION}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const begun = mkdtempSync(join(cache, "begun-"));
  try {
    const args = ["install", "--prefix", begun, "--no-audit", "--no-fund", `pm2@${PM2_VERSION}`];
    await mustRun("npm", args, { timeoutMs: 300_000 });
    renameSync(begun, folder);
  } finally {
    rmSync(begun, { recursive: true, force: true });
  }
  return folder;
}
