/** Swaps inside one worker process, as the supervisor drives them. */
import { join } from "node:path";
import { START, swapForm } from "../../src/assemble/swapPlugin.ts";
import type { WorkerBoot, WorkerEvent } from "../../src/protocol/worker.ts";
import { type Bench, portOf, WorkerError, type WorkerUnderTest } from "./workerHarness.ts";

type Ready = Extract<WorkerEvent, { type: "ready" }>;

/** Versions of one application in one process. */
export class Swapping {
  readonly bench: Bench;
  readonly worker: WorkerUnderTest;
  /** Serves. */
  generation = 1;

  private constructor(bench: Bench, worker: WorkerUnderTest) {
    this.bench = bench;
    this.worker = worker;
  }

  static async start(bench: Bench, source: string, env: Record<string, string> = {}) {
    await writeForm(bench, "v1", source);
    const args = ["--enable-source-maps"];
    const worker = bench.start(START, { name: "v1.mjs", args, env });
    const swapping = new Swapping(bench, worker);
    await worker.event("ready");
    return swapping;
  }

  get port(): Promise<number> {
    return portOf(this.worker);
  }

  async load(source: string): Promise<Ready> {
    const number = this.generation + 1;
    return this.loadAs(number, source);
  }

  async loadAs(number: number, source: string): Promise<Ready> {
    const { bench, worker } = this;
    await writeForm(bench, `v${number}`, source);
    const entry = bench.write(`v${number}.mjs`, START);
    const boot: WorkerBoot = {
      format: 1,
      name: "app",
      version: `1.${number}.0`,
      previous: "1.0.0",
      process: "main",
      slot: 0,
      generation: number,
      strategy: "swap",
      mode: "standby",
      entry,
      appDir: bench.folder,
      readyAfterMs: 200,
    };
    const before = worker.arrived.length;
    worker.send({ type: "swapLoad", boot }, undefined, number);
    const arrived = await worker.until(`generation ${number}`, () =>
      worker.arrived
        .slice(before)
        .find((it) => it.generation === number && /^(ready|failed)$/.test(it.event.type)),
    );
    if (arrived.event.type === "failed") throw new WorkerError(arrived.event.error, undefined);
    return arrived.event as Ready;
  }

  /** Freeze, carry, activate, connections. */
  async takeOver(from: number, to: number, stateful = true) {
    const { worker } = this;
    const hooksOnly = !stateful;
    await worker.request({ type: "freeze", timeoutMs: 4_000, hooksOnly }, undefined, from);
    if (stateful) await worker.request({ type: "swapCarry" }, undefined, to);
    await worker.request({ type: "activate" }, undefined, to);
    return worker.request({ type: "moveConnections" }, undefined, from);
  }

  async leave(number: number, drainMs = 200) {
    const { worker } = this;
    const drained = await worker.request({ type: "drain", drainMs }, undefined, number);
    await worker.request({ type: "dispose" }, undefined, number);
    const { running } = await worker.request({ type: "unload" }, undefined, number);
    return { ...drained, running };
  }

  /** The whole of it. */
  async swap(source: string, stateful = true) {
    await this.load(source);
    const from = this.generation;
    const released = await this.takeOver(from, from + 1, stateful);
    this.generation = from + 1;
    return { ...released, ...(await this.leave(from)) };
  }
}

async function writeForm(bench: Bench, name: string, source: string): Promise<void> {
  const { code, map } = await swapForm(source);
  const file = `${name}.swap.cjs`;
  bench.write(file, `${code}\n//# sourceMappingURL=${file}.map\n`);
  bench.write(join(`${file}.map`), JSON.stringify(map));
}
