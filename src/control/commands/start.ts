import { hasCode } from "../../contract/errors.ts";
import { stopwatch } from "../../platform/clock.ts";
import type { Started } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { msText, note, printResult } from "../output.ts";
import { type Boot, whileStarting } from "../prepare.ts";
import { spawnSupervisor, wasStopped } from "../spawn.ts";
import { unitFor } from "../units.ts";
import { wayBack } from "../wayBack.ts";

export interface StartOptions {
  json?: boolean;
  /** Another release than the permanent one. */
  version?: string;
  /** What was permanent is not to be gone back to by itself. */
  rollback?: boolean;
  keepEnv?: boolean;
  /** Runs when it is certain that nothing runs. */
  before?: () => void;
}

export { start as default };

export async function start(
  context: Context,
  { json, keepEnv = false, before, version: asked, rollback = false }: StartOptions,
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
  const { version, pid } = await whileStarting(context, boot, {
    before,
    version: asked,
    rollback,
  }).catch(async (error) => {
    // What can't start may not be all that there is.
    if (!hasCode(error, "TSUGI_ALREADY_RUNNING") && !wasStopped(error)) {
      for (const line of await wayBack(context, error, startOf)) note(line);
    }
    throw error;
  });
  const text = `${name} ${version} is ready, pid ${pid} (${msText(ms())})`;
  printResult<Started>(json, { name, version, pid, ms: ms() }, text);
}

const startOf = (version: string): string => `start --version ${version}`;
