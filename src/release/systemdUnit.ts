/**
 * The unit of a root. `bin/<app> systemd` prints it, and a deploy that installs one makes it itself: what
 * the owner of a root prints is not what root gives to systemd. tsugi_unit.erl has the same words.
 *
 * The launcher that `foreground` keeps is the main process; the supervisor tells systemd what
 * happens through systemd-notify, hence NotifyAccess=all. KillMode=mixed: only the launcher gets
 * SIGTERM and passes it on, so that the workers can drain.
 */
import { TsugiError } from "../contract/errors.ts";
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

/** A supervisor that says nothing for so long hangs; it says that it is well three times as often. */
const WATCHDOG_SECONDS = 90;

/** @throws TSUGI_UNIT_REFUSED */
export function unitText(layout: Layout, options: UnitOptions): string {
  refuseUnspeakable(layout);
  const { owner, openFiles } = options;
  const { uid, gid, name } = owner;
  // Root's setpriv becomes them before a file of theirs is looked at.
  const before = `/usr/bin/setpriv --reuid=${uid} --regid=${gid} --clear-groups`;
  // systemd runs no program with quotes in its path; as an argument of another one it may have any.
  const runner =
    name === undefined ? before : /["'\\]/.test(layout.bin) ? "/usr/bin/env" : undefined;
  const command = runner === undefined ? quoted(layout.bin) : `${runner} ${argument(layout.bin)}`;
  // The supervisor of a BEAM is a shell: nobody pings.
  const watchdog = openFiles === undefined ? `WatchdogSec=${WATCHDOG_SECONDS}\n` : "";
  return `[Unit]
Description=${layout.name} (a tsugi release)
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=all
User=${name ?? "root"}
WorkingDirectory=${layout.root.replaceAll("%", "%%")}
ExecStart=${command} foreground
ExecReload=${command} reload
KillMode=mixed
Restart=on-failure
TimeoutStartSec=${options.startSeconds}
TimeoutStopSec=${options.stopSeconds}
${watchdog}${openFiles === undefined ? "" : `LimitNOFILE=${openFiles}\n`}${hardening(layout.root)}
[Install]
WantedBy=multi-user.target
`;
}

/** A line of a unit has no quotes for a folder: it would end early, or be another one. */
function refuseUnspeakable({ root, bin }: Layout): void {
  const control = /\p{Cc}/u.exec(root)?.[0];
  const isCut = root.trim() !== root;
  if (control === undefined && !isCut) return;
  const code = control?.charCodeAt(0).toString(16).padStart(4, "0");
  const problem =
    code === undefined ? "it ends with a space" : `it has the character U+${code} in it`;
  throw new TsugiError("TSUGI_UNIT_REFUSED", { root: JSON.stringify(root), bin, problem });
}

/** What a Node service can bear: it needs its root, and memory that is written and run. */
function hardening(root: string): string {
  const isBelow = (...folders: string[]) => folders.some((folder) => root.startsWith(`${folder}/`));
  return [
    "NoNewPrivileges=yes",
    "ProtectSystem=full",
    // Of what ProtectSystem takes away, the root is needed.
    ...(isBelow("/usr", "/etc", "/boot", "/efi") ? [`ReadWritePaths=${quoted(root)}`] : []),
    ...(isBelow("/tmp", "/var/tmp") ? [] : ["PrivateTmp=yes"]),
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectControlGroups=yes",
    "RestrictSUIDSGID=yes",
    "RestrictRealtime=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "",
  ].join("\n");
}

/** As systemd reads a word: nothing is a variable in the program's own path, % begins a specifier. */
function quoted(word: string): string {
  const escaped = word.replaceAll("%", "%%");
  if (/^[\w/.+@:,=%-]+$/.test(escaped)) return escaped;
  return `"${escaped.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

const argument = (word: string): string => quoted(word).replaceAll("$", "$$$$");

/** The words of a line such as `ExecStart=`, as systemd reads them. */
export function unitWords(text: string): string[] {
  const words = text.matchAll(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\S+)/g);
  return [...words].map(([, double, single, plain]) =>
    (double ?? single ?? plain!)
      .replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character))
      .replaceAll("%%", "%"),
  );
}

/** What a printed unit says about times; the rest of it is made anew. */
export function timesOfUnit(unit: string): { stopSeconds: number; startSeconds: number } {
  const seconds = (key: string) =>
    Number(new RegExp(`^${key}=(\\d{1,6})$`, "m").exec(unit)?.[1] ?? unitSeconds(30_000));
  return { stopSeconds: seconds("TimeoutStopSec"), startSeconds: seconds("TimeoutStartSec") };
}
