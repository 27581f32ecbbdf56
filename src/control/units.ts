/** systemd: does it own this system, and the unit that would let it. */
import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Layout } from "../release/layout.ts";

const UNIT_FOLDERS = ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"];

/** An owner that is in no passwd file has none. */
function ownUnitFolders(): string[] {
  const home = quietly(homedir);
  return home === undefined ? [] : [join(home, ".config/systemd/user")];
}

/** The unit whose file starts this very `bin/<app>`. */
export function unitFor(
  layout: Layout,
  folders = [...UNIT_FOLDERS, ...ownUnitFolders()],
): string | undefined {
  for (const folder of folders) {
    for (const name of quietly(() => readdirSync(folder)) ?? []) {
      if (!name.endsWith(".service")) continue;
      const text = quietly(() => readFileSync(join(folder, name), "utf8"));
      const starts = text?.match(/^\s*ExecStart\s*=.*$/gm) ?? [];
      if (starts.some((line) => mentions(line, layout.bin))) return name;
    }
  }
  return undefined;
}

const mentions = (line: string, bin: string): boolean =>
  line.split(/[\s="']+/).some((word) => word.replace(/^[-@:+!]+/, "") === bin);

/** The unit that a running process belongs to, if it is the one for this root. */
export function owningUnit(
  layout: Layout,
  pid: number,
  folders?: string[],
  readCgroup = (path: string) => readFileSync(path, "utf8"),
): string | undefined {
  const unit = unitFor(layout, folders);
  if (unit === undefined) return undefined;
  const cgroup = quietly(() => readCgroup(`/proc/${pid}/cgroup`)) ?? "";
  const owners = cgroup.split("\n").map((line) => line.slice(line.lastIndexOf("/") + 1));
  return owners.includes(unit) ? unit : undefined;
}

export interface UnitOptions {
  user?: string;
  stopMs: number;
  readyMs: number;
}

/**
 * The launcher that `foreground` keeps is the main process; the supervisor tells systemd what
 * happens through systemd-notify, hence NotifyAccess=all. KillMode=mixed: only the launcher gets
 * SIGTERM and passes it on, so that the workers can drain.
 */
export function unitText(layout: Layout, options: UnitOptions): string {
  const seconds = (ms: number) => Math.ceil(ms / 1000) + 10;
  return `[Unit]
Description=${layout.name} (a tsugi release)
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=all
${options.user === undefined ? "" : `User=${options.user}\n`}WorkingDirectory=${layout.root}
ExecStart=${layout.bin} foreground
ExecReload=${layout.bin} reload
KillMode=mixed
Restart=on-failure
TimeoutStartSec=${seconds(options.readyMs)}
TimeoutStopSec=${seconds(options.stopMs)}

[Install]
WantedBy=multi-user.target
`;
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
