/** A stop that is under way: how long it may take, and its end. */
import { hasCode, TsugiError } from "../contract/errors.ts";
import type { ProcessIdentity } from "../platform/processes.ts";
import type { Layout } from "../release/layout.ts";
import { ask, RemoteError } from "./client.ts";
import type { Context } from "./context.ts";
import { note } from "./output.ts";
import { waitGone } from "./running.ts";
import { runningVersion } from "./runningRelease.ts";

/** Beyond stopMs a supervisor that still answers gets this long for hooks and signal handlers. */
export const SPARE_MS = 18_000;
const ANSWER_MS = 2_000;

export async function stopTime(layout: Layout, version = ""): Promise<number> {
  const { settingsOrDefault } = await import("../handler/settings.ts");
  return (await settingsOrDefault(layout, version)).timeouts.stopMs;
}

type Answer = "pong" | "stopping" | "silent";

/** "silent": it hangs. */
export function answerOf(layout: Layout): Promise<Answer> {
  return ask(layout, { verb: "ping" }, { timeoutMs: ANSWER_MS }).then(
    () => "pong",
    (error) => {
      const isStopping = error instanceof RemoteError && error.json.code === "TSUGI_STOPPING";
      if (isStopping) return "stopping";
      return hasCode(error, "TSUGI_CONTROL_UNREACHABLE") ? "silent" : "pong";
    },
  );
}

/**
 * Whoever has broken a stop off (Ctrl-C) and starts again wants what comes after it.
 * @returns whether it was being stopped, and is gone
 * @throws TSUGI_STOPPING where that takes longer than a stop may
 */
export async function waitStopped(context: Context, supervisor: ProcessIdentity): Promise<boolean> {
  const { layout } = context;
  if ((await answerOf(layout)) !== "stopping") return false;
  note(`Waiting for pid ${supervisor.pid}, which is being stopped.`);
  const stopMs = await stopTime(layout, await runningVersion(context));
  if (await waitGone([supervisor], stopMs + SPARE_MS)) return true;
  const { name, bin } = layout;
  throw new TsugiError("TSUGI_STOPPING", { name, bin });
}
