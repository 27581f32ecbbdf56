/** What `status` says where nothing runs. */
import { defined } from "../contract/checks.ts";
import { errorToJson } from "../contract/errors.ts";
import type { NotRunning } from "../protocol/documents.ts";
import type { Context } from "./context.ts";
import { lastEndOf } from "./lastEnd.ts";
import { notRunning } from "./running.ts";
import { runningVersion } from "./runningRelease.ts";

export async function stoppedStatus(context: Context): Promise<NotRunning> {
  const { layout } = context;
  const version = (await runningVersion(context)) ?? null;
  return {
    ...{ name: layout.name, version, status: "stopped" },
    ...defined({ lastEnd: await lastEndOf(context) }),
    error: errorToJson(notRunning(layout)),
  };
}
