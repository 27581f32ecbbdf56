/**
 * The unit of a root. `bin/<app> systemd` prints it, and a deploy that installs one makes it itself: what
 * the owner of a root prints is not what root gives to systemd. tsugi_life.erl has the same words.
 *
 * The launcher that `foreground` keeps is the main process; the supervisor tells systemd what
 * happens through systemd-notify, hence NotifyAccess=all. KillMode=mixed: only the launcher gets
 * SIGTERM and passes it on, so that the workers can drain.
 */
import type { Layout } from "./layout.ts";

export interface UnitOwner {
  uid: number;
  gid: number;
  /** Undefined where no passwd file knows them: systemd starts nothing for a user like that. */
  name: string | undefined;
}

export interface UnitOptions {
  owner: UnitOwner;
  stopSeconds: number;
  startSeconds: number;
  /** A BEAM has all its connections in one process. */
  openFiles?: number;
}

/** What a unit allows beyond the release's own times. */
export const unitSeconds = (ms: number): number => Math.ceil(ms / 1000) + 10;

export function unitText(layout: Layout, options: UnitOptions): string {
  const { owner, openFiles } = options;
  const { uid, gid, name } = owner;
  // Root's setpriv becomes them before a file of theirs is looked at.
  const before = `/usr/bin/setpriv --reuid=${uid} --regid=${gid} --clear-groups `;
  const command = `${name === undefined ? before : ""}${layout.bin}`;
  return `[Unit]
Description=${layout.name} (a tsugi release)
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=all
User=${name ?? "root"}
WorkingDirectory=${layout.root}
ExecStart=${command} foreground
ExecReload=${command} reload
KillMode=mixed
Restart=on-failure
TimeoutStartSec=${options.startSeconds}
TimeoutStopSec=${options.stopSeconds}
${openFiles === undefined ? "" : `LimitNOFILE=${openFiles}\n`}
[Install]
WantedBy=multi-user.target
`;
}

/** What a printed unit says about times; the rest of it is made anew. */
export function timesOfUnit(unit: string): { stopSeconds: number; startSeconds: number } {
  const seconds = (key: string) =>
    Number(new RegExp(`^${key}=(\\d{1,6})$`, "m").exec(unit)?.[1] ?? unitSeconds(30_000));
  return { stopSeconds: seconds("TimeoutStopSec"), startSeconds: seconds("TimeoutStartSec") };
}
