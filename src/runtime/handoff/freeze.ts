/** Freezing: no new request reaches the application, and those under way come to their end. */
import { messageOf, TsugiError } from "../../contract/errors.ts";
import type { Registrations } from "../../hot/registrations.ts";
import { nowMs } from "../../platform/clock.ts";
import type { Holder, WorkerReplies } from "../../protocol/worker.ts";
import type { Leaving } from "./leaving.ts";
import type { Traffic } from "./traffic.ts";

export class FreezeTimeout extends TsugiError<"TSUGI_FREEZE_TIMEOUT"> {
  readonly holders: Holder[];

  constructor(timeoutMs: number, holders: Holder[]) {
    const text = holders.map(({ name, ageMs }) => `${name} (${(ageMs / 1000).toFixed(1)} s)`);
    super("TSUGI_FREEZE_TIMEOUT", { timeoutMs, holders: text.join(", ") || "nothing known" });
    this.holders = holders;
  }
}

/** Rejects with what went wrong; the caller thaws. */
export async function freeze(
  leaving: Leaving,
  traffic: Traffic,
  registrations: Registrations,
  { timeoutMs, holdsRequests }: { timeoutMs: number; holdsRequests: boolean },
): Promise<WorkerReplies["freeze"]> {
  const startMs = nowMs();
  leaving.freeze();
  const underWay = traffic.holders().length;
  const hooks = new RunningHooks(registrations);
  const inTraffic = () => traffic.holders({ requests: holdsRequests });
  const holders = () => [...inTraffic(), ...hooks.holders(startMs)];
  const done = Promise.all([traffic.whenFree(inTraffic), hooks.done]);
  await withDeadline(done, timeoutMs, () => new FreezeTimeout(timeoutMs, holders()));
  return { underWay, frozenAtMs: nowMs(), connections: leaving.size };
}

/** The hooks alone. */
export async function freezeHooks(registrations: Registrations, timeoutMs: number): Promise<void> {
  const startMs = nowMs();
  const hooks = new RunningHooks(registrations);
  await withDeadline(hooks.done, timeoutMs, () => {
    return new FreezeTimeout(timeoutMs, hooks.holders(startMs));
  });
}

/** The application's freeze hooks, all at once, and which of them still run. */
class RunningHooks {
  readonly done: Promise<unknown>;
  readonly #running = new Set<string>();

  constructor({ hooks }: Registrations) {
    this.done = Promise.all(
      hooks.freeze.map(async (hook, index) => {
        const name = `hot.freeze hook ${hook.name || index + 1}`;
        this.#running.add(name);
        try {
          await hook();
        } catch (error) {
          const problem = messageOf(error);
          throw new TsugiError("TSUGI_FREEZE_FAILED", { problem }, { cause: error });
        }
        this.#running.delete(name);
      }),
    );
  }

  holders(startMs: number): Holder[] {
    const ageMs = Math.round(nowMs() - startMs);
    return [...this.#running].map((name) => ({ kind: "hook", name, ageMs }));
  }
}

function withDeadline<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
