import { stopwatch } from "../../platform/clock.ts";
import type { Stopped } from "../../protocol/documents.ts";
import { ask, RemoteError } from "../client.ts";
import type { Context } from "../context.ts";
import { count, msText, note, printResult } from "../output.ts";
import { endLeftovers } from "../prepare.ts";
import { endProcesses, findSupervisor, liveWorkers, notRunning, waitGone } from "../running.ts";
import { runningManifest } from "../runningRelease.ts";
import { answerOf, SPARE_MS, stopTime } from "../stopping.ts";
import { owningUnit } from "../units.ts";

const KILL_GRACE_MS = 2_000;

export default async function stopCommand(context: Context, { json }: { json?: boolean }) {
  const stopped = await stop(context);
  const { name, version, pid, ms, killed } = stopped;
  const how = killed ? "was killed: it did not end in time" : "stopped";
  printResult<Stopped>(json, stopped, `${name} ${version} ${how}, pid ${pid} (${msText(ms)})`);
}

/** @throws TSUGI_NOT_RUNNING; leftovers of a killed supervisor are ended all the same */
export async function stop(context: Context) {
  const { layout } = context;
  const supervisor = await findSupervisor(layout);
  if (supervisor === undefined) {
    await endLeftovers(layout);
    throw notRunning(layout);
  }
  const ms = stopwatch();
  const manifest = await runningManifest(context);
  const states = manifest?.states.map((state) => state.name) ?? [];
  if (states.length > 0) note(`In-memory state goes with it: ${states.join(", ")}`);
  const unit = owningUnit(layout, supervisor.pid);
  if (unit) note(`systemd owns it (${unit}); next time: systemctl stop ${unit}`);
  const processes = [supervisor, ...liveWorkers(layout)];
  // A supervisor that doesn't take the request gets a signal; one that hangs is killed below.
  const none: string[] = [];
  const told = { logDropped: 0, ended: none, running: none, cut: none };
  const asked = ask(layout, { verb: "stop" }).then(
    (answer) => void Object.assign(told, answer),
    (error) => {
      if (error instanceof RemoteError) note(`${error.json.message}`);
    },
  );
  const stopMs = await stopTime(layout, manifest?.version);
  const inTime = await waitGone(processes, stopMs);
  // What the workers have started has stopMs of its own.
  const hangs = !inTime && (await answerOf(layout)) === "silent";
  const gone = inTime || (!hangs && (await waitGone(processes, stopMs + SPARE_MS)));
  if (!gone) await endProcesses(processes, KILL_GRACE_MS);
  await waitGone(liveWorkers(layout), KILL_GRACE_MS);
  if (!gone) await endLeftovers(layout);
  // Nobody is there any more who could keep it waiting.
  if (gone) await asked;
  const { logDropped, ended, running, cut } = told;
  if (logDropped > 0) note(`${count(logDropped, "log line")} lost since the start`);
  if (cut.length > 0) note(`Cut short when the time to stop was over: ${cut.join(", ")}`);
  if (ended.length > 0) note(`Ended with it: ${ended.join(", ")}`);
  if (running.length > 0) note(`Still running, and not to be ended: ${running.join(", ")}`);
  const { name } = layout;
  const version = manifest?.version ?? "";
  const what = { name, version, pid: supervisor.pid, states, killed: !gone };
  const isCut = cut.length > 0;
  return { ...what, logDropped, ...(isCut ? { cut } : {}), ended, running, ms: ms() };
}
