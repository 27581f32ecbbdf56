import type { ChildProcess } from "node:child_process";
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { HostOptions } from "../../contract/commands/host.ts";
import { readIfThere } from "../../platform/files.ts";
import { isAlive, type ProcessIdentity } from "../../platform/processes.ts";
import type { Layout } from "../../release/layout.ts";
import type { Context } from "../context.ts";
import { bringWanted, startWanted } from "../follow/coldStart.ts";
import { follow } from "../follow/follow.ts";
import { type FollowRequest, followRequest } from "../follow/request.ts";
import { note } from "../output.ts";
import { type Boot, type StartWish, whileStarting } from "../prepare.ts";
import { findSupervisor } from "../running.ts";
import { spawnSupervisor, wasStopped } from "../spawn.ts";

/** USR1 and USR2 end nothing: the supervisor says so in the log. */
const FORWARDED = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const;
const POLL_MS = 200;

export default async function foregroundCommand(
  context: Context,
  options: HostOptions<"foreground">,
) {
  const request = requestIn(context, options);
  return request === undefined
    ? foreground(context)
    : untilToldToStop(() => followInForeground(context, request));
}

/**
 * This process stays the first one (a container ends with it): it passes signals on and ends with
 * the supervisor's code. When an upgrade replaces the supervisor, it follows the new one.
 */
export async function foreground(context: Context, before?: () => void): Promise<void> {
  const signals = forwardSignals();
  await untilToldToStop(async () => {
    await stay(context, await boot(context, signals, { before }), signals);
  });
}

/** Who stops a container that is still starting is obeyed as any other time: with 0. */
async function untilToldToStop(stayUp: () => Promise<void>): Promise<void> {
  try {
    await stayUp();
  } catch (error) {
    if (!wasStopped(error)) throw error;
    note((error as Error).message);
  }
}

async function followInForeground(context: Context, request: FollowRequest): Promise<void> {
  const signals = forwardSignals();
  let child: ChildProcess | undefined;
  const refused = await startWanted(await bringWanted(context, request), async (version) => {
    child = await boot(context, signals, { version });
  });
  const end = new AbortController();
  const following = follow(context, { ...request, refused }, end.signal);
  try {
    await stay(context, child!, signals);
  } finally {
    end.abort();
    await following;
  }
}

/** What goes with the container is brought again when it starts: an upgrade of it may be, too. */
const requestIn = (
  { layout }: Context,
  { follow: place, ...options }: HostOptions<"foreground">,
) => (place === undefined ? undefined : followRequest(layout, place, options, ["--ephemeral"]));

async function boot(context: Context, signals: Signals, wish: StartWish): Promise<ChildProcess> {
  const { layout } = context;
  const spawn = async (found: Boot) => {
    await rm(layout.exitCode, { force: true });
    const { child } = await spawnSupervisor(layout, found, "foreground", { onSpawned: signals.to });
    return { child, version: found.pointer.version };
  };
  const started = await whileStarting(context, spawn, wish);
  const { child } = started;
  if (child.connected) child.disconnect();
  note(`${layout.name} ${started.version} is ready, pid ${child.pid}`);
  return child;
}

async function stay({ layout }: Context, child: ChildProcess, signals: Signals): Promise<void> {
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

interface Signals {
  to(pid: number): void;
}

/**
 * From the first moment on: a signal that came before there is a supervisor reaches it then, and
 * one that came while a supervisor was being replaced reaches its successor too.
 */
function forwardSignals(): Signals {
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
