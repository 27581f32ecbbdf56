/**
 * Tells systemd what happens. Node has no datagram sockets of the Unix kind, so it goes through
 * `systemd-notify`; the unit says NotifyAccess=all. Without NOTIFY_SOCKET nothing is done.
 */
import { spawnChild } from "../../platform/spawn.ts";
import type { Supervisor } from "./supervisor.ts";

export function notifySystemd(...assignments: string[]): Promise<void> {
  if (!process.env.NOTIFY_SOCKET) return Promise.resolve();
  return new Promise((resolve) => {
    // Assignments, not flags: some of those are younger than the systemd of Debian 12.
    const child = spawnChild("systemd-notify", assignments, { stdio: "ignore" });
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
}

/** How long a worker may take to say that it is there. */
const ANSWER_MS = 5_000;

/**
 * `WatchdogSec` of the unit: this process turns, and somebody in it serves. While an upgrade is under
 * way it is the upgrade that watches the workers.
 */
export function pingWatchdog(supervisor: Supervisor): void {
  const everyMs = Number(process.env.WATCHDOG_USEC ?? 0) / 1000 / 3;
  if (!(everyMs > 0)) return;
  const ping = async () => {
    const { state } = supervisor;
    if (state === "stopping" || state === "replaced") return;
    if (state === "upgrading" || (await someoneAnswers(supervisor))) {
      await notifySystemd("WATCHDOG=1");
    }
    setTimeout(ping, everyMs).unref();
  };
  void ping();
}

/** A process that is restarted again and again is no reason to end the others. */
async function someoneAnswers({ current }: Supervisor): Promise<boolean> {
  const answers = current.slots.map(async ({ worker }) => {
    await worker.request({ type: "health" }, { timeoutMs: ANSWER_MS });
    return true;
  });
  return Promise.any(answers).catch(() => false);
}
