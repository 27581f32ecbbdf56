/**
 * How the new generation gets its workers: as children of this supervisor or, in a `replace`, of
 * its successor.
 *
 * A process with `overlap: false` whose running worker has no `hot` hooks would begin to work as
 * soon as it is loaded. It is loaded late: after the old one has ended.
 */
import type { ManifestProcess } from "../../release/manifest.ts";
import type { Generation } from "./generation.ts";
import { Successor } from "./successor.ts";
import type { Supervisor } from "./supervisor.ts";

export interface Loading {
  /** A swap: ending a generation does not end its processes. */
  inPlace?: true;
  /** Everything that can wait for its activation; resolves when all are ready. */
  standby(): Promise<void>;
  /** The rest, which begins to work at once. */
  late(): Promise<void>;
  /** After the commit: `run/` becomes the successor's, if there is one. */
  takeOver: (() => Promise<void>) | undefined;
  /** Ends a successor that is not needed. The workers were ended before. */
  abandon(): void;
}

export function loadHere(supervisor: Supervisor, next: Generation, late: Set<string>): Loading {
  return {
    async standby() {
      supervisor.spawnSlots(next, "standby", (process) => !late.has(process));
      await supervisor.waitAllReady(next);
    },
    async late() {
      supervisor.spawnSlots(next, "active", (process) => late.has(process));
      await supervisor.waitAllReady(next);
    },
    takeOver: undefined,
    abandon() {},
  };
}

/**
 * A swap: into the processes that serve. Each entry is loaded in a throwaway process first: code that
 * exits, hangs or crashes while it loads does so there.
 */
export function loadBeside(supervisor: Supervisor, next: Generation): Loading {
  let isAbandoned = false;
  return {
    inPlace: true,
    async standby() {
      await Promise.all(next.plan.manifest.processes.map((one) => tryOut(supervisor, next, one)));
      // A process that died meanwhile has another one in its place.
      if (isAbandoned) return;
      supervisor.loadBeside(next);
      await supervisor.waitAllReady(next);
    },
    late: async () => {},
    takeOver: undefined,
    abandon() {
      isAbandoned = true;
      supervisor.parts.listeners.retain(supervisor.current.number);
    },
  };
}

async function tryOut(supervisor: Supervisor, next: Generation, process: ManifestProcess) {
  const worker = supervisor.spawnWorker(next, process, 0, "rehearsal");
  try {
    await supervisor.waitReady(next, worker);
  } finally {
    worker.kill("SIGKILL");
    await worker.exited;
  }
}

export function loadInSuccessor(
  supervisor: Supervisor,
  next: Generation,
  late: Set<string>,
): Loading {
  const { layout, listeners, foreground } = supervisor.parts;
  const successor = new Successor(next, layout, process.env, foreground);
  return {
    async standby() {
      await successor.load(listeners, [...late]);
      await supervisor.waitAllReady(next);
    },
    async late() {
      if (late.size > 0) await successor.loadLate();
      await supervisor.waitAllReady(next);
    },
    async takeOver() {
      await supervisor.leaveRecord();
      try {
        await successor.takeOver();
      } catch (error) {
        await supervisor.keepRecord();
        throw error;
      }
    },
    abandon: () => successor.abandon(),
  };
}

/** Names of the processes that must be loaded late; `all` in a restart. */
export function lateProcesses(old: Generation, next: Generation, all: boolean): Set<string> {
  const late = next.plan.manifest.processes.filter((process) => {
    if (all) return true;
    const before = old.slots.find((slot) => slot.process.name === process.name);
    return !process.overlap && before !== undefined && before.worker.declared?.usesHot !== true;
  });
  return new Set(late.map((process) => process.name));
}
