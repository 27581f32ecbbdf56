import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive, type ProcessIdentity } from "../../../platform/processes.ts";
import type { Context } from "../context.ts";
import { note } from "../output.ts";
import { whileStarting } from "../prepare.ts";
import type { Register } from "../program.ts";
import { findSupervisor } from "../running.ts";
import { spawnSupervisor } from "../spawn.ts";

const FORWARDED = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
const POLL_MS = 200;

const register: Register = (program, context) => {
  program
    .command("foreground")
    .description("run without a daemon, for containers and systemd; the log goes to stdout only")
    .action(() => foreground(context));
};
export default register;

/**
 * This process stays the first one (a container ends with it): it passes signals on and ends with
 * the supervisor's code. When an upgrade replaces the supervisor, it follows the new one.
 */
async function foreground(context: Context): Promise<void> {
  const { layout } = context;
  const { child, version } = await whileStarting(context, async (boot) => ({
    ...(await spawnSupervisor(layout, boot, "foreground")),
    version: boot.pointer.version,
  }));
  if (child.connected) child.disconnect();
  note(`${layout.name} ${version} is ready, pid ${child.pid}`);
  let target = child.pid!;
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      try {
        process.kill(target, signal);
      } catch {
        // It ends at this moment; its code follows.
      }
    });
  }
  process.exitCode = await exitCodeOf(child);
  for (;;) {
    const successor = await findSupervisor(layout);
    if (successor === undefined) return;
    target = successor.pid;
    note(`Following the new supervisor, pid ${target}`);
    await gone(successor);
    process.exitCode = 0; // not our child: its code can't be known
  }
}

function exitCodeOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

async function gone(identity: ProcessIdentity): Promise<void> {
  while (isAlive(identity)) await delay(POLL_MS);
}
