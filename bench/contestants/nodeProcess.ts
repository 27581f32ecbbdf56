/** One Node process, without anybody who looks after it. */
import { type ChildProcess, spawn } from "node:child_process";
import { type Bench, endChild } from "../lib/bench.ts";

export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(bench: Bench, node: string, folder: string, port: number) {
    this.#child = spawn(node, ["server.js"], {
      cwd: folder,
      env: { PATH: bench.hostPath, PORT: String(port), NODE_ENV: "production" },
      stdio: "inherit",
      // A session of its own, as a service has it: Linux shares processors out by session.
      detached: true,
    });
    this.#ended = new Promise((resolve) => this.#child.once("exit", () => resolve()));
    bench.onEnd(() => endChild(this.#child));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** As systemd does it: SIGTERM, and SIGKILL to one that does not end. */
  async stop(killAfterMs: number): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), killAfterMs);
    await this.#ended;
    clearTimeout(timer);
  }
}
