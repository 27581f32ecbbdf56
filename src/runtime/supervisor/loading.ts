/**
 * How the new generation gets its workers: as children of this supervisor or, in a `replace`, of
 * its successor; in a swap beside the old generation, in the same processes.
 */
import type { ManifestProcess } from "../../release/manifest.ts";
import { type Plan, replacesSupervisor } from "../../relup/instructions.ts";
import type { Generation } from "./generation.ts";
import { Successor } from "./successor.ts";
import type { Supervisor } from "./supervisor.ts";

export interface Loading {
  /** A swap: ending a generation does not end its processes. */
  inPlace?: true;
  /** Brings workers of these processes up; resolves when all are ready. `active`: they begin to work at once. */
  load(processes: readonly string[], mode: "standby" | "active"): Promise<void>;
  /** After the commit: `run/` becomes the successor's, if there is one. */
  takeOver: (() => Promise<void>) | undefined;
  /** Ends a successor that is not needed. The workers were ended before. */
  abandon(): void;
}

export function loadingFor(plan: Plan, supervisor: Supervisor, next: Generation): Loading {
  if (replacesSupervisor(plan)) return loadInSuccessor(supervisor, next);
  return plan.strategy === "swap" ? loadBeside(supervisor, next) : loadHere(supervisor, next);
}

function loadHere(supervisor: Supervisor, next: Generation): Loading {
  return {
    async load(processes, mode) {
      supervisor.spawnSlots(next, mode, (process) => processes.includes(process));
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
function loadBeside(supervisor: Supervisor, next: Generation): Loading {
  let isAbandoned = false;
  return {
    inPlace: true,
    async load() {
      await Promise.all(next.plan.manifest.processes.map((one) => tryOut(supervisor, next, one)));
      // A process that died meanwhile has another one in its place.
      if (isAbandoned) return;
      supervisor.loadBeside(next);
      await supervisor.waitAllReady(next);
    },
    takeOver: undefined,
    abandon() {
      isAbandoned = true;
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

function loadInSuccessor(supervisor: Supervisor, next: Generation): Loading {
  const { layout, listeners, foreground } = supervisor.parts;
  let successor: Successor | undefined;
  return {
    async load(processes) {
      if (successor === undefined) {
        successor = new Successor(next, layout, process.env, foreground);
        const all = next.plan.manifest.processes.map(({ name }) => name);
        const late = all.filter((name) => !processes.includes(name));
        await successor.load(listeners, late);
      } else await successor.loadLate();
      await supervisor.waitAllReady(next);
    },
    takeOver: () => supervisor.handOver(async () => successor?.takeOver()),
    abandon: () => successor?.abandon(),
  };
}
