/** How a worker ends: it drains, it disposes, it gets SIGTERM, and, if it must, SIGKILL. */
import { defined } from "../../contract/checks.ts";
import { hasCode } from "../../contract/errors.ts";
import { stopwatch } from "../../platform/clock.ts";
import { withResolvers } from "../../platform/waiting.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import type { Slot } from "./generation.ts";
import type { Drain, Retired } from "./takeover.ts";
import type { WorkerHandle } from "./workerHandle.ts";

/** After SIGTERM an application has this long for its own handler at least, else what its drain has left over. */
const TERM_GRACE_MS = 5_000;
const DISPOSE_MS = 10_000;
const LEAST_DISPOSE_MS = 4_000;
const DRAIN_GRACE_MS = 2_000;
/** Whose event loop has stood still for the last of a drain neither answers nor hears a signal. */
const SILENT_MS = 5_000;
const LEAST_SILENT_MS = 1_000;
const SILENT_GRACE_MS = 200;

type Drained = Omit<Retired, "leftovers">;

export const NOTHING: Drained = { drained: 0, lost: 0, closed: 0 };

/**
 * Resolves when the worker is gone. Never throws: what fails on the way only makes it shorter.
 * `withinMs`: by then its end has begun, whatever it does; a unit of systemd waits 10 seconds longer.
 */
export async function retireWorker(
  worker: WorkerHandle,
  drain: Drain,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<Retired> {
  const ms = stopwatch();
  // One that still loads answers nothing, and has nobody to say goodbye to.
  const isLoaded = worker.declared !== undefined;
  const counts = isLoaded ? await drained(worker, drain, DRAIN_GRACE_MS) : undefined;
  // Of one that stands still, no hook runs.
  if (counts !== undefined && worker.exit === null) {
    const timeoutMs = Math.min(DISPOSE_MS, Math.max(LEAST_DISPOSE_MS, withinMs - ms()));
    await worker.request({ type: "dispose" }, { timeoutMs }).catch(() => null);
  }
  const standsStill = isLoaded && counts === undefined && worker.silentMs >= LEAST_SILENT_MS;
  const graceMs = Math.max(TERM_GRACE_MS, drain.drainMs - ms());
  await terminateWorker(worker, standsStill ? SILENT_GRACE_MS : graceMs);
  return { ...(counts ?? NOTHING), ...(await leftOf(worker)) };
}

/** What had to be ended besides, and what could not be. */
export async function leftOf(worker: WorkerHandle): Promise<Pick<Retired, "leftovers" | "ended">> {
  const { process: name, slot } = worker.boot;
  const itself = worker.wasKilled ? [`${name}.${slot} (pid ${worker.pid}), killed`] : [];
  const family = await worker.familyEnded;
  const of = `of ${name}.${slot}`;
  return {
    leftovers: (family?.running ?? []).map((one) => ({ what: `${one} ${of}` })),
    ended: [
      ...itself,
      ...(family?.ended ?? []).map((one) => `${one} ${of}`),
      ...(family?.killed ?? []).map((one) => `${one} ${of}, killed`),
    ],
  };
}

/** Into the report. */
export function tellEnded(report: UpgradeReport, { ended = [] }: Retired): void {
  if (ended.length > 0) report.ended = [...(report.ended ?? []), ...ended];
}

/** What drains; undefined where the worker does not answer, at the end of the drain where it stands still. */
export async function drained(
  worker: WorkerHandle,
  { drainMs, webSocketDrainMs }: Drain,
  graceMs: number,
): Promise<Drained | undefined> {
  const request = { type: "drain", drainMs, ...defined({ webSocketDrainMs }) } as const;
  const silentMs = Math.max(LEAST_SILENT_MS, Math.min(SILENT_MS, drainMs));
  const silent = withResolvers<undefined>();
  const timer = setTimeout(() => {
    const question = worker.request({ type: "health", turns: true }, { timeoutMs: silentMs });
    question.catch((error) => hasCode(error, "TSUGI_WORKER_SILENT") && silent.resolve(undefined));
  }, drainMs - silentMs);
  const reply = worker.request(request, { timeoutMs: drainMs + graceMs });
  const counts = await Promise.race([reply.catch(() => undefined), silent.promise]);
  clearTimeout(timer);
  return counts && { closed: 0, ...counts };
}

export async function terminateWorker(worker: WorkerHandle, termGraceMs: number): Promise<void> {
  if (worker.exit !== null) return;
  worker.family?.look();
  worker.kill("SIGTERM");
  const timer = setTimeout(() => {
    worker.wasKilled = true;
    worker.kill("SIGKILL");
  }, termGraceMs);
  await worker.exited;
  clearTimeout(timer);
}

export async function retireSlots(slots: readonly Slot[], drain: Drain): Promise<Retired> {
  return together(await Promise.all(slots.map(({ worker }) => retireWorker(worker, drain))));
}

export const together = (all: readonly Retired[]): Retired => ({
  drained: all.reduce((sum, one) => sum + one.drained, 0),
  lost: all.reduce((sum, one) => sum + one.lost, 0),
  closed: all.reduce((sum, one) => sum + one.closed, 0),
  leftovers: all.flatMap(({ leftovers }) => leftovers),
  ended: all.flatMap(({ ended = [] }) => ended),
  cut: all.flatMap(({ cut = [] }) => cut),
});
