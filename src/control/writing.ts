/**
 * Who writes `releases/`: the running supervisor, because an upgrade may be under way in it; when
 * nothing runs, this program, under the lock.
 */

import type { ReleaseHandler } from "../handler/index.ts";
import { ask, type Request } from "./client.ts";
import type { Context } from "./context.ts";
import { refuseIfMoved } from "./moved.ts";
import { inTurn, withLock } from "./prepare.ts";
import { findSupervisor } from "./running.ts";
import { printStep } from "./steps.ts";

export async function writeReleases<T>(
  context: Context,
  request: Request,
  offline: (handler: ReleaseHandler) => Promise<T>,
): Promise<T> {
  const { layout } = context;
  const online = async () => (await ask(layout, request, { onEvent: printStep })) as T;
  const isRunning = async () => {
    const supervisor = await findSupervisor(layout);
    if (supervisor !== undefined) await refuseIfMoved(layout, supervisor);
    return supervisor !== undefined;
  };
  if (await isRunning()) return online();
  // A start may have been under way: look again when it is our turn.
  return inTurn(layout, async () => ((await isRunning()) ? online() : withLock(context, offline)));
}
