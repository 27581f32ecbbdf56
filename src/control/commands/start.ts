import { stopwatch } from "../../platform/clock.ts";
import type { Started } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { msText, note, report } from "../output.ts";
import { type Boot, whileStarting } from "../prepare.ts";
import { spawnSupervisor } from "../spawn.ts";
import { unitFor } from "../units.ts";

export default function startCommand(context: Context, options: StartOptions) {
  return start(context, options);
}

export interface StartOptions {
  json?: boolean;
  keepEnv?: boolean;
  /** Runs when it is certain that nothing runs. */
  before?: () => void;
}

export async function start(
  context: Context,
  { json, keepEnv = false, before }: StartOptions,
): Promise<void> {
  const { name } = context.layout;
  const ms = stopwatch();
  const unit = unitFor(context.layout);
  if (unit) note(`systemd has a unit for this root: so that it owns it, systemctl start ${unit}`);
  const boot = async (found: Boot) => {
    const { child, pid } = await spawnSupervisor(context.layout, found, "daemon", { keepEnv });
    if (child.connected) child.disconnect();
    child.unref();
    return { version: found.pointer.version, pid };
  };
  const { version, pid } = await whileStarting(context, boot, before);
  const text = `${name} ${version} is ready, pid ${pid} (${msText(ms())})`;
  report<Started>(json, { name, version, pid, ms: ms() }, text);
}
