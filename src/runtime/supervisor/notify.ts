/**
 * Tells systemd what happens. Node has no datagram sockets of the Unix kind, so it goes through
 * `systemd-notify`; the unit says NotifyAccess=all. Without NOTIFY_SOCKET nothing is done.
 */
import { spawn } from "node:child_process";

export function notifySystemd(...assignments: string[]): Promise<void> {
  if (!process.env.NOTIFY_SOCKET) return Promise.resolve();
  return new Promise((resolve) => {
    // Assignments, not flags: some of those are younger than the systemd of Debian 12.
    const child = spawn("systemd-notify", assignments, { stdio: "ignore" });
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
}
