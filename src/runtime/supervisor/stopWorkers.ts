/** A stop: what is under way ends first, then all workers do, then the sockets. */
import { isoNow } from "../../platform/clock.ts";
import type { Stopping } from "../../protocol/report.ts";
import { retireWorker } from "./retire.ts";
import type { Supervisor } from "./supervisor.ts";
import { notifySystemd } from "./systemd.ts";
import type { Upgrades } from "./upgrades.ts";
import type { Stopped } from "./verbs.ts";

export async function stopWorkers(
  supervisor: Supervisor,
  upgrades: Upgrades,
): Promise<Omit<Stopped, "logDropped">> {
  const stopping: Stopping = { since: isoNow() };
  supervisor.stopping = stopping;
  const { status } = upgrades;
  if (status !== null) supervisor.note(`stops when the upgrade to ${status.to} has ended`);
  await upgrades.settle();
  supervisor.enter("stopping");
  await notifySystemd("STOPPING=1");
  const current = supervisor.hasStarted ? supervisor.current : undefined;
  const states = new Set(
    (current?.slots ?? []).flatMap((slot) => slot.worker.declared?.states ?? []).map((s) => s.name),
  );
  const stopMs = current?.settings.timeouts.stopMs ?? 5_000;
  stopping.until = isoNow(stopMs);
  const { live } = supervisor.workers;
  const drain = { drainMs: stopMs };
  const retired = await Promise.all(live.map((worker) => retireWorker(worker, drain, stopMs)));
  const cut = retired.flatMap((one) => one.cut ?? []);
  if (cut.length > 0) supervisor.note(`cut short: ${cut.join(", ")}`);
  supervisor.parts.listeners.closeAll();
  return {
    states: [...states],
    ended: retired.flatMap(({ ended = [] }) => ended),
    running: retired.flatMap(({ leftovers }) => leftovers.map(({ what }) => what)),
    cut,
  };
}
