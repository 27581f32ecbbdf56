import type { HostOptions } from "../../contract/commands/host.ts";
import type { Status } from "../../protocol/report.ts";
import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { describeEnd } from "../lastEnd.ts";
import { movedFrom } from "../moved.ts";
import { note, printResult } from "../output.ts";
import { findSupervisor, notRunning } from "../running.ts";
import { describeStatus, isCrashing } from "../statusText.ts";
import { stoppedStatus } from "../stoppedStatus.ts";
import { wayBack } from "../wayBack.ts";

const TIMEOUT_MS = 10_000;

export default async function statusCommand(
  context: Context,
  { json, watch }: HostOptions<"status">,
) {
  if (watch) return (await import("../watch/watch.ts")).watch(context, json);
  const { layout } = context;
  const running = await findSupervisor(layout);
  if (running === undefined) {
    const value = await stoppedStatus(context);
    if (value.lastEnd !== undefined && !json) {
      // The version is not to blame for the end of one that was killed.
      const remedy = value.lastEnd.at === null ? [] : await wayBack(context, value.lastEnd);
      note([describeEnd(value.lastEnd), ...remedy].join("\n"));
    }
    throw Object.assign(notRunning(layout), { value });
  }
  const request = { verb: "status" } as const;
  const value = (await ask(layout, request, { timeoutMs: TIMEOUT_MS })) as Status;
  const remedy = !json && isCrashing(value) ? await wayBack(context) : [];
  const from = movedFrom(layout, running);
  // What has become of etc/ it looks up where that was.
  const told = from === undefined ? value : { ...value, etcChanged: false };
  if (from !== undefined) remedy.push(`Moved while it ran, from ${from}: ${layout.bin} restart`);
  const text = [describeStatus(told, running.pid), ...remedy].join("\n");
  printResult<Status>(json, value, text);
}
