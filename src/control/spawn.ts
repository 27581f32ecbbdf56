/** Spawns the supervisor of the permanent release and waits for its one message. */

import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { orUndefined } from "../contract/checks.ts";
import {
  type ErrorJson,
  errorFromJson,
  hasCode,
  messageOf,
  TsugiError,
} from "../contract/errors.ts";
import { passedDescriptors } from "../platform/socketActivation.ts";
import { spawnChild } from "../platform/spawn.ts";
import { spawnProblem } from "../platform/spawnProblem.ts";
import { SUPERVISOR_ARGUMENTS } from "../platform/supervisorArguments.ts";
import type { Layout } from "../release/layout.ts";
import type { Boot } from "./prepare.ts";
import { type Mode, surroundings } from "./surroundings.ts";

const SUPERVISOR_FORMAT = 1;
/** Beyond the application's own readyMs: the supervisor's own start, and ending what hangs. */
const SPARE_MS = 15_000;
const STOP_SIGNALS: ReadonlySet<string> = new Set(["SIGTERM", "SIGINT", "SIGQUIT"]);

type Answer =
  | { type: "ready"; pid: number }
  | { type: "failed"; error: ErrorJson }
  | { type: "stopped" };

export interface SpawnedSupervisor {
  child: ChildProcess;
  pid: number;
}

/** @throws what the supervisor says, TSUGI_START_STOPPED, or TSUGI_START_FAILED with its last words */
export async function spawnSupervisor(
  layout: Layout,
  boot: Boot,
  mode: Mode,
  { onSpawned, keepEnv = false }: { onSpawned?: (pid: number) => void; keepEnv?: boolean } = {},
): Promise<SpawnedSupervisor> {
  const { version, releaseId, runtimeDir, tsugiDir } = boot.pointer;
  const { root, name } = layout;
  const work = { format: SUPERVISOR_FORMAT, root, name, version, releaseId, mode };
  const errors = mode === "foreground" ? "inherit" : openSync(bootErrors(layout), "w", 0o600);
  const output = mode === "foreground" ? "inherit" : "ignore";
  const sockets = passedDescriptors(process.env, process.pid);
  const env = {
    ...surroundings(keepEnv ? "keep" : mode, process.env, sockets.length),
    TSUGI_SUPERVISOR: JSON.stringify(work),
  };
  let child: ChildProcess;
  try {
    const module = join(layout.library(tsugiDir), "supervisor.mjs");
    child = spawnChild(layout.node(runtimeDir), [...SUPERVISOR_ARGUMENTS, module], {
      cwd: root,
      env,
      // Its own session: a closed terminal or Ctrl-C reaches it only through us.
      detached: true,
      // Sockets that systemd has opened keep their numbers.
      stdio: ["ignore", output, errors, ...sockets, "ipc"],
      serialization: "json",
    });
  } catch (error) {
    throw startFailed(layout, version, messageOf(spawnProblem(error, env)));
  } finally {
    if (typeof errors === "number") closeSync(errors);
  }
  if (child.pid !== undefined) onSpawned?.(child.pid);
  // A start that is broken off leaves nothing half started; `foreground` passes signals on itself.
  const interrupt = () => child.kill("SIGTERM");
  if (onSpawned === undefined) process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const answer = await firstAnswer(child, boot.settings.timeouts.readyMs + SPARE_MS);
    if (answer.type === "ready") return { child, pid: answer.pid };
    if (answer.type === "stopped")
      throw new TsugiError("TSUGI_START_STOPPED", { name, version, bin: layout.bin });
    throw failedAnswer(layout, version, answer.error);
  } catch (error) {
    if (error instanceof TsugiError) throw error;
    child.kill("SIGKILL");
    throw startFailed(layout, version, (error as Error).message);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

function firstAnswer(child: ChildProcess, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the supervisor did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    child.once("message", (message) => settle(() => resolve(message as Answer)));
    child.once("error", (error) => settle(() => reject(error)));
    // Messages that were sent before the exit are delivered before 'close'.
    child.once("close", (code, signal) =>
      settle(() => {
        if (endedAsTold(code, signal)) resolve({ type: "stopped" });
        else reject(new Error(`the supervisor ended with ${signal ?? `code ${code}`}`));
      }),
    );
  });
}

/** One that hears the signal ends with 0; in its first milliseconds it does not hear it yet. */
const endedAsTold = (code: number | null, signal: NodeJS.Signals | null): boolean =>
  code === 0 || (signal !== null && STOP_SIGNALS.has(signal));

export const wasStopped = (error: unknown): boolean => hasCode(error, "TSUGI_START_STOPPED");

/** Nothing serves: what refuses an upgrade (exit 4) is a failure (exit 1) of a start. */
function failedAnswer(layout: Layout, version: string, error: ErrorJson): TsugiError {
  if (error.exitCode !== 4) return errorFromJson(error);
  const { name, bin } = layout;
  const isLoad = error.code === "TSUGI_LOAD_FAILED";
  const problem = isLoad ? String(error.details?.problem) : error.message;
  return new TsugiError("TSUGI_START_FAILED", { name, version, problem, bin });
}

const bootErrors = (layout: Layout): string => join(layout.run, "boot.err");

function startFailed(layout: Layout, version: string, problem: string): TsugiError {
  const said = orUndefined(() => readFileSync(bootErrors(layout), "utf8")) ?? "";
  const words = said.trim().split("\n").slice(-15).join("\n  ");
  const { name, bin } = layout;
  const whole = words === "" ? problem : `${problem}\n  ${words}`;
  return new TsugiError("TSUGI_START_FAILED", { name, version, problem: whole, bin });
}
