/** What `status` says where nothing runs. */
import { errorToJson } from "../contract/errors.ts";
import type { NotRunning } from "../protocol/documents.ts";
import type { Context } from "./context.ts";
import { lastEndOf } from "./lastEnd.ts";
import { notRunning } from "./running.ts";
import { runningVersion } from "./runningRelease.ts";

export async function stoppedStatus(context: Context): Promise<NotRunning> {
  const { layout } = context;
  const version = (await runningVersion(context)) ?? null;
  const lastEnd = await lastEndOf(context);
  return {
    ...{ name: layout.name, version, status: "stopped" },
    ...(lastEnd === undefined ? {} : { lastEnd }),
    error: errorToJson(notRunning(layout)),
  };
}
