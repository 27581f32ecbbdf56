/** `bin/<app> status --watch`. */

import { open } from "node:fs/promises";
import { jsonIn } from "../../contract/checks.ts";
import { errorToJson } from "../../contract/errors.ts";
import { isoNow } from "../../platform/clock.ts";
import type { Glance } from "../../protocol/documents.ts";
import type { Status, UpgradeReport } from "../../protocol/report.ts";
import { ask, RemoteError } from "../client.ts";
import type { Context } from "../context.ts";
import { findSupervisor } from "../running.ts";
import { stoppedStatus } from "../stoppedStatus.ts";
import { pictureOf } from "./picture.ts";
import { showUntilEnded } from "./screen.ts";

/** A worker that hangs has a second; what takes longer is seen the next time. */
const TIMEOUT_MS = 3_000;
/** A report is a few KB long. */
const TAIL_BYTES = 256 * 1024;

export async function watch(context: Context, json = false): Promise<void> {
  let before: Glance | undefined;
  await showUntilEnded(
    async () => {
      const now = await glance(context);
      const text = json ? JSON.stringify(now) : pictureOf(before, now);
      before = now;
      return text;
    },
    { asLines: json },
  );
}

async function glance(context: Context): Promise<Glance> {
  const lastUpgrade = await lastReport(context.layout.upgradesLog);
  const status = await statusNow(context);
  return { at: isoNow(), status, lastUpgrade };
}

/** While a supervisor hands over to the next one, nobody answers for a moment. */
async function statusNow(context: Context): Promise<Glance["status"]> {
  const { layout } = context;
  try {
    if ((await findSupervisor(layout)) === undefined) return await stoppedStatus(context);
    const request = { verb: "status", measure: true } as const;
    return (await ask(layout, request, { timeoutMs: TIMEOUT_MS })) as Status;
  } catch (error) {
    return { error: error instanceof RemoteError ? error.json : errorToJson(error) };
  }
}

/** The file may be long; a line that a crash has cut is nobody's report. */
async function lastReport(path: string): Promise<UpgradeReport | null> {
  const file = await open(path).catch(() => undefined);
  try {
    const size = (await file?.stat())?.size ?? 0;
    const start = Math.max(0, size - TAIL_BYTES);
    const tail = await file?.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = (tail?.buffer.toString("utf8") ?? "").split("\n").reverse();
    for (const line of lines) {
      const report = jsonIn<UpgradeReport>(line);
      if (report !== undefined) return report;
    }
    return null;
  } finally {
    await file?.close();
  }
}
