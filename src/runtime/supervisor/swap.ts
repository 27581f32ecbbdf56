/**
 * Within the processes that serve: another generation is loaded beside the one there, and what has
 * been open stays where it is. Each entry is loaded in a throwaway process first: code that exits,
 * hangs or crashes while it loads does so there.
 */
import type { ManifestProcess } from "../../release/manifest.ts";
import type { Generation, Slot } from "./generation.ts";
import { drained, NOTHING, together } from "./retire.ts";
import type { Supervisor } from "./supervisor.ts";
import type { CarryOptions, Drain, Leftover, Retired, Takeover } from "./takeover.ts";
import type { WorkerHandle } from "./workerHandle.ts";

const UNLOAD_MS = 10_000;
/** After `drainMs`, until the last has been told of its end. */
const DRAIN_GRACE_MS = 4_000;

export class Swap implements Takeover {
  readonly isByReference = true;
  readonly #supervisor: Supervisor;
  readonly #next: Generation;
  #isAbandoned = false;

  constructor(supervisor: Supervisor, next: Generation) {
    this.#supervisor = supervisor;
    this.#next = next;
  }

  async load(): Promise<void> {
    const supervisor = this.#supervisor;
    const { processes } = this.#next.plan.manifest;
    await Promise.all(processes.map((process) => this.#tryOut(process)));
    // A process that died meanwhile has another one in its place.
    if (this.#isAbandoned) return;
    this.#loadNext();
    await supervisor.slots.waitReady(this.#next);
  }

  /** The same slots, in the same processes. */
  #loadNext(): void {
    const [supervisor, next] = [this.#supervisor, this.#next];
    for (const { process, index } of next.wantedSlots()) {
      const { boot } = next.specOf(process, index, "standby");
      const { worker: serving, restarts } = supervisor.current.slotLike({ process, index })!;
      const worker = serving.forSwap(boot);
      supervisor.workers.wire(next, worker);
      supervisor.slots.add(next, { process, index, worker, restarts });
      worker.send({ type: "swapLoad", boot });
    }
  }

  async #tryOut(process: ManifestProcess): Promise<void> {
    const { workers } = this.#supervisor;
    const worker = workers.spawn(this.#next, process, 0, "rehearsal");
    try {
      await workers.waitReady(this.#next, worker);
    } finally {
      worker.kill("SIGKILL");
      await worker.exited;
    }
  }

  async carry(_from: WorkerHandle, to: WorkerHandle, { timeoutMs, check = false }: CarryOptions) {
    const { states } = await to.request({ type: "swapCarry", check }, { timeoutMs });
    return states;
  }

  async retire(slots: readonly Slot[], drain: Drain): Promise<Retired> {
    const retireOne = async ({ worker }: Slot): Promise<Retired> => {
      const counts = await drained(worker, drain, DRAIN_GRACE_MS);
      const leftovers = await unload(worker).catch(() => silent(worker));
      return { ...(counts ?? NOTHING), leftovers };
    };
    return together(await Promise.all(slots.map(retireOne)));
  }

  async abandon(slots: readonly Slot[]): Promise<Leftover[]> {
    this.end();
    return (await Promise.all(slots.map(({ worker }) => unload(worker).catch(() => [])))).flat();
  }

  end(): void {
    this.#isAbandoned = true;
  }
}

/** One that has ended meanwhile has left nothing. */
function silent({ boot, pid, exit }: WorkerHandle): Leftover[] {
  return exit === null ? [{ what: `generation ${boot.generation} in worker ${pid}` }] : [];
}

/** The process stays; of this generation nothing does but what comes back. */
async function unload(worker: WorkerHandle): Promise<Leftover[]> {
  const { generation } = worker.boot;
  return (await worker.unload(UNLOAD_MS)).map((what) => ({ what, generation }));
}
