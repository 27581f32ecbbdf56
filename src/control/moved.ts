/**
 * A root that was moved (`mv`) while it ran: the supervisor is found by its lock, and serves, but all that it
 * would load or write is where it was started. It is refused whatever has it do either; a start from here mends it.
 */
import { statSync } from "node:fs";
import { jsonIn, orUndefined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { exists } from "../platform/files.ts";
import type { ProcessIdentity } from "../platform/processes.ts";
import { environmentOf } from "../platform/processTable.ts";
import type { Layout } from "../release/layout.ts";
import { findSupervisor, requireSupervisor } from "./running.ts";

/** The folder in which it was started, where that is not this one. What another user started is not for us to see. */
export function movedFrom({ root }: Layout, { pid }: ProcessIdentity): string | undefined {
  const text = environmentOf(pid)?.get("TSUGI_SUPERVISOR") ?? "";
  const started = jsonIn<{ root?: unknown } | null>(text)?.root;
  if (typeof started !== "string" || started === root) return undefined;
  // By another name of the same folder: a mount, a link that was put where it had been. As the supervisor
  // sees it: a container has that name for itself.
  return idOf(`/proc/${pid}/root${started}`) === idOf(root) ? undefined : started;
}

/** @throws TSUGI_NOT_RUNNING, TSUGI_ROOT_MOVED */
export async function requireInPlace(layout: Layout): Promise<void> {
  await refuseIfMoved(layout, await requireSupervisor(layout));
}

/** @throws TSUGI_ROOT_MOVED */
export async function refuseIfMoved(layout: Layout, supervisor: ProcessIdentity): Promise<void> {
  const error = await movedError(layout, supervisor);
  if (error !== undefined) throw error;
}

/** What a supervisor could not load, or write, because its root was moved. */
export async function movedInstead(layout: Layout): Promise<TsugiError | undefined> {
  const supervisor = await findSupervisor(layout).catch(() => undefined);
  return supervisor && movedError(layout, supervisor);
}

async function movedError(layout: Layout, supervisor: ProcessIdentity) {
  const { name, root, bin } = layout;
  const from = movedFrom(layout, supervisor);
  if (from === undefined) return undefined;
  // What stands there by now would take the old one into itself.
  const back = (await exists(from)) ? "" : ` · as it was, without a pause: mv ${root} ${from}`;
  return new TsugiError("TSUGI_ROOT_MOVED", { name, root, from, bin, back });
}

const idOf = (path: string): string | undefined =>
  orUndefined(() => {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  });
