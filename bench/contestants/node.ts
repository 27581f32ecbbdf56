/** Bare Node, restarted as systemd would: the old one ends, then the new one starts. */
import { join } from "node:path";
import { freePort } from "../../test/helpers/ports.ts";
import { type Bench, untilAnswers } from "../lib/bench.ts";
import type { Contestant } from "./contestant.ts";
import { NodeProcess } from "./nodeProcess.ts";
import { copySource, editSource } from "./source.ts";

const KILL_AFTER_MS = 10_000;

export class BareNode implements Contestant {
  readonly name = "node";
  readonly port: number;
  readonly #bench: Bench;
  readonly #node: string;
  readonly #folder: string;
  #process: NodeProcess | undefined;

  static async make(bench: Bench, project: string, node: string): Promise<BareNode> {
    const folder = copySource(project, join(bench.folder, "projects", "feed-node"));
    return new BareNode(bench, node, folder, await freePort());
  }

  private constructor(bench: Bench, node: string, folder: string, port: number) {
    this.#bench = bench;
    this.#node = node;
    this.#folder = folder;
    this.port = port;
  }

  async start() {
    this.#process = new NodeProcess(this.#bench, this.#node, this.#folder, this.port);
  }

  async stop() {
    await this.#process?.stop(KILL_AFTER_MS);
  }

  async prepare(version: string) {
    editSource(this.#folder, version);
    return async () => {
      await this.stop();
      await this.start();
      await untilAnswers(this.port, version);
    };
  }

  async pids() {
    return { supervising: [], serving: [this.#process!.pid] };
  }
}
