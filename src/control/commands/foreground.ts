import type { ChildProcess } from "node:child_process";
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { readIfThere } from "../../platform/files.ts";
import { isAlive, type ProcessIdentity } from "../../platform/processes.ts";
import type { Layout } from "../../release/layout.ts";
import type { Context } from "../context.ts";
import { note } from "../output.ts";
import { type Boot, whileStarting } from "../prepare.ts";
import { findSupervisor } from "../running.ts";
import { spawnSupervisor } from "../spawn.ts";

/** USR1 and USR2 end nothing: the supervisor says so in the log. */
const FORWARDED = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const;
const POLL_MS = 200;

export default function foregroundCommand(context: Context) {
  return foreground(context);
}

/**
 * This process stays the first one (a container ends with it): it passes signals on and ends with
 * the supervisor's code. When an upgrade replaces the supervisor, it follows the new one.
 */
export async function foreground(context: Context, before?: () => void): Promise<void> {
  const { layout } = context;
  const signals = forwardSignals();
  const spawn = async (boot: Boot) => {
    await rm(layout.exitCode, { force: true });
    const { child } = await spawnSupervisor(layout, boot, "foreground", { onSpawned: signals.to });
    return { child, version: boot.pointer.version };
  };
  const { child, version } = await whileStarting(context, spawn, { before });
  if (child.connected) child.disconnect();
  note(`${layout.name} ${version} is ready, pid ${child.pid}`);
  process.exitCode = await exitCodeOf(child);
  for (;;) {
    const successor = await findSupervisor(layout);
    if (successor === undefined) return await rm(layout.exitCode, { force: true });
    signals.to(successor.pid);
    note(`Following the new supervisor, pid ${successor.pid}`);
    await gone(successor);
    process.exitCode = await recordedExitCode(layout);
  }
}

/**
 * From the first moment on: a signal that came before there is a supervisor reaches it then, and
 * one that came while a supervisor was being replaced reaches its successor too.
 */
function forwardSignals(): { to: (pid: number) => void } {
  let target: number | undefined;
  const received = new Set<NodeJS.Signals>();
  const send = (signal: NodeJS.Signals) => {
    try {
      if (target !== undefined) process.kill(target, signal);
    } catch {
      // It ends at this moment; its code follows.
    }
  };
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      received.add(signal);
      send(signal);
    });
  }
  const to = (pid: number) => {
    target = pid;
    for (const signal of received) send(signal);
  };
  return { to };
}

function exitCodeOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  if (child.signalCode !== null) return Promise.resolve(1);
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** One that was killed has recorded nothing: that is a failure. */
async function recordedExitCode({ exitCode }: Layout): Promise<number> {
  const text = await readIfThere(exitCode);
  await rm(exitCode, { force: true });
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : 1;
}

async function gone(identity: ProcessIdentity): Promise<void> {
  while (isAlive(identity)) await delay(POLL_MS);
}
