/** The worker processes of this supervisor: spawned, wired and recorded, of whichever generation. */

import { hasCode, messageOf, TsugiError } from "../../contract/errors.ts";
import { within } from "../../platform/waiting.ts";
import type { Mask } from "../../protocol/mask.ts";
import type { WorkerBoot } from "../../protocol/worker.ts";
import type { Layout } from "../../release/layout.ts";
import type { ManifestProcess } from "../../release/manifest.ts";
import type { Generation } from "./generation.ts";
import type { ListenerTable } from "./listeners.ts";
import { headlineOf } from "./log/lastWords.ts";
import type { Log } from "./log/log.ts";
import { leftOf } from "./retire.ts";
import { wireListeners, wireLog } from "./wiring.ts";
import { describeExit, type WorkerHandle } from "./workerHandle.ts";
import { WorkerRecord } from "./workerRecord.ts";

/** From its failure to its end: Node prints the stack in between. */
const DYING_MS = 1_000;

interface WorkersParts {
  layout: Layout;
  log: Log;
  mask: Mask;
  listeners: ListenerTable;
  note: (text: string) => void;
  noteError: (error: unknown) => void;
  /** This generation serves, and no other will: a socket that it closes is wanted by nobody. */
  isSettled: (generation: Generation) => boolean;
}

export class Workers {
  readonly record: WorkerRecord;
  readonly #with: WorkersParts;
  readonly #live = new Set<WorkerHandle>();

  constructor(parts: WorkersParts) {
    this.#with = parts;
    const pids = () => this.live.map((worker) => worker.pid).filter((pid) => pid > 0);
    this.record = new WorkerRecord(parts.layout, pids, parts.noteError);
  }

  get live(): WorkerHandle[] {
    return [...this.#live];
  }

  /** Spawns and wires one worker; it belongs to no slot yet (a rehearsal's never does). */
  spawn(
    generation: Generation,
    process: ManifestProcess,
    index: number,
    mode: WorkerBoot["mode"],
  ): WorkerHandle {
    const worker = generation.spawn(process, index, mode);
    this.#live.add(worker);
    this.wire(generation, worker);
    worker.once("exit", () => {
      this.#live.delete(worker);
      void this.record.write();
      void this.#endFamily(generation, worker);
    });
    void this.record.write();
    return worker;
  }

  /** However it ended, by a crash too: what it has started would hold its ports and files. */
  async #endFamily({ settings }: Generation, worker: WorkerHandle): Promise<void> {
    worker.familyEnded = worker.family?.end(settings.timeouts.stopMs);
    const { ended = [], leftovers } = await leftOf(worker);
    const { note } = this.#with;
    if (ended.length > 0) note(`ended with it: ${ended.join(", ")}`);
    if (leftovers.length > 0)
      note(`still running: ${leftovers.map(({ what }) => what).join(", ")}`);
  }

  wire(generation: Generation, worker: WorkerHandle): void {
    const { log, listeners, note, isSettled } = this.#with;
    wireLog(worker, log, note);
    wireListeners(worker, listeners, () => {
      const { process } = worker.boot;
      const others = generation.slots.filter((slot) => slot.process.name === process);
      return isSettled(generation) && others.length === 1;
    });
  }

  /** @throws TSUGI_LOAD_FAILED with the reason; the worker is ended then. */
  async waitReady(generation: Generation, worker: WorkerHandle): Promise<void> {
    const { readyMs } = generation.settings.timeouts;
    const { name, version, process, slot } = worker.boot;
    const { bin } = this.#with.layout;
    try {
      await within(readyMs, worker.ready, () => {
        const why = "it neither listens, nor said that it is ready, nor has its entry settled";
        const details = { what: `${process}.${slot}`, timeoutMs: readyMs, why, bin };
        throw new TsugiError("TSUGI_NOT_READY", details);
      });
    } catch (error) {
      const problem = `${problemOf(error)}${await saidLast(worker, this.#with.mask)}`;
      // One that another generation shares its process with is unloaded by the upgrade.
      if (this.#live.has(worker)) {
        worker.failure = `it did not load: ${problemOf(error)}`;
        // Node says where it threw only after we have been told, on its way out.
        if (hasCode(error, "TSUGI_LOAD_FAILED")) await within(DYING_MS, worker.exited, () => {});
        worker.kill("SIGKILL");
      }
      const details = { name, version, problem, bin };
      throw new TsugiError("TSUGI_LOAD_FAILED", details, { cause: error });
    }
  }

  /** What a start says of a process that listened, and then died when it was asked for something. */
  async diedOfRequest({ slots }: Generation, cause: unknown): Promise<unknown> {
    const worker = slots.find((slot) => slot.worker.exit !== null)?.worker;
    if (worker === undefined) return cause;
    const { name, version, process, slot } = worker.boot;
    const said = await saidLast(worker, this.#with.mask);
    const problem = `${process}.${slot} died of its first request: ${describeExit(worker.exit!)}.${said}`;
    const details = { name, version, problem, bin: this.#with.layout.bin };
    return new TsugiError("TSUGI_LOAD_FAILED", details, { cause });
  }
}

/** Of one that has ended by itself: nothing else tells why. */
async function saidLast(worker: WorkerHandle, mask: Mask): Promise<string> {
  if (worker.exit === null) return "";
  await worker.outputEnded;
  const headline = headlineOf(worker.lastWords.told(mask));
  return headline === undefined ? "" : ` Its last words: ${headline}`;
}

/** The worker says "did not load" itself: once is enough. */
export function problemOf(error: unknown): string {
  return hasCode(error, "TSUGI_LOAD_FAILED") ? String(error.details.problem) : messageOf(error);
}
