/**
 * A host that upgrades itself: it looks what is wanted, again and again, and goes there.
 *
 *   look ──► nothing, or what runs ──────────────────────────────► wait
 *     ▲  └─► something else ──► bin/<app> upgrade ──► it runs ───► wait
 *     │                                           ├─► refused ───► wait until something else is wanted
 *     │                                           └─► failed, or the host's fault (blame.ts) ──┐
 *     └── later each time ◄── a registry that can't be asked ◄─────────────────────────────────┘
 *
 * The upgrade is a process of its own: by `bin/<app>`, so that the next one is made by the tsugi of
 * the version that serves then.
 */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { type ErrorJson, errorToJson } from "../../contract/errors.ts";
import { isoNow } from "../../platform/clock.ts";
import { spawnChild } from "../../platform/spawn.ts";
import type { Status } from "../../protocol/report.ts";
import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { note } from "../output.ts";
import { findSupervisor } from "../running.ts";
import { isOfTheHost } from "./blame.ts";
import type { FollowRequest } from "./request.ts";
import { nothingWanted, type Wanted, wantedAt } from "./wanted.ts";

const STATUS_MS = 10_000;
const LONGEST_PAUSE_MS = 600_000;
/** Of a pause, how long it is. */
const LEAST_SHARE = 0.75;
const MOST_SHARE = 1.25;
/** Of an upgrade that no version is to blame for: failed on the way, not running, killed. */
const FAILED: readonly (number | null)[] = [1, 3, null];

/** Until `signal`: an upgrade that is under way then is the supervisor's, and goes on. */
export async function follow(
  context: Context,
  { place, annotation, everyMs, flags, refused: failed }: FollowRequest,
  signal: AbortSignal,
): Promise<void> {
  let refused = failed;
  let said: string | undefined;
  let pauseMs = everyMs;
  let leastShare = 0;
  const say = (text: string) => {
    // The same again is no news.
    if (text !== said) note(`${isoNow()} ${text}`);
    said = text;
  };
  say(`Following ${place}`);
  while (!signal.aborted) {
    try {
      const wanted = await wantedAt(context, place, annotation);
      let result: Result = "done";
      if (wanted === undefined) say(await nothingWanted(context, place));
      else if (wanted.identity !== refused) result = await goTo(context, wanted, flags, say);
      if (result === "refused") refused = wanted?.identity;
      pauseMs = result === "failed" ? longer(pauseMs) : everyMs;
    } catch (error) {
      const { code, message } = errorToJson(error);
      say(`${code}: ${message}`);
      pauseMs = longer(pauseMs);
    }
    // Not all hosts at the same moment: those that began together part at their first pause.
    const share = leastShare + Math.random() * (MOST_SHARE - leastShare);
    leastShare = LEAST_SHARE;
    await delay(pauseMs * share, undefined, { signal }).catch(() => {});
  }
}

type Result = "done" | "refused" | "failed";

const longer = (pauseMs: number) => Math.min(pauseMs * 2, LONGEST_PAUSE_MS);

async function goTo(
  { layout }: Context,
  wanted: Wanted,
  flags: string[],
  say: (text: string) => void,
): Promise<Result> {
  if ((await findSupervisor(layout)) === undefined) {
    say(`${layout.name} is not running: it goes on when it does`);
    return "done";
  }
  const status = (await ask(layout, { verb: "status" }, { timeoutMs: STATUS_MS })) as Status;
  if (status.upgrade !== null) return "done"; // Somebody else's: the next look tells.
  if (wanted.isRunning(status)) {
    say(`${status.version} runs, as is wanted`);
    return "done";
  }
  note(`${isoNow()} ${status.version} runs, wanted is ${wanted.named}`);
  // Detached: a Ctrl-C is for the one that follows.
  const upgrade = spawnChild(layout.bin, ["upgrade", wanted.named, ...flags], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    detached: true,
  });
  let failure = { code: "", message: "" };
  upgrade.on("message", (told: Partial<ErrorJson>) => {
    failure = { ...failure, ...told };
  });
  const [[exitCode]] = await Promise.all([
    once(upgrade, "exit") as Promise<[number | null]>,
    once(upgrade, "disconnect"),
  ]);
  if (exitCode === 0) return "done";
  const isFailed = FAILED.includes(exitCode) || isOfTheHost(failure);
  const again = isFailed ? "later" : "when something else is wanted";
  say(`Not gone there (exit code ${exitCode}): tried again ${again}`);
  return isFailed ? "failed" : "refused";
}
