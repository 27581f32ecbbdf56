/** systemd: does it own this system? */

import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { orUndefined } from "../contract/checks.ts";
import type { Layout } from "../release/layout.ts";
import { unitWords } from "../release/systemdUnit.ts";

const UNIT_FOLDERS = ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"];

/** An owner that is in no passwd file has none. */
function ownUnitFolders(): string[] {
  const home = orUndefined(homedir);
  return home === undefined ? [] : [join(home, ".config/systemd/user")];
}

/** The unit whose file starts this very `bin/<app>`. */
export function unitFor(
  layout: Layout,
  folders = [...UNIT_FOLDERS, ...ownUnitFolders()],
): string | undefined {
  for (const folder of folders) {
    for (const name of orUndefined(() => readdirSync(folder)) ?? []) {
      if (!name.endsWith(".service")) continue;
      const text = orUndefined(() => readFileSync(join(folder, name), "utf8"));
      const starts = text?.match(/(?<=^\s*ExecStart\s*=).*$/gm) ?? [];
      if (starts.some((line) => mentions(line, layout.bin))) return name;
    }
  }
  return undefined;
}

const mentions = (line: string, bin: string): boolean =>
  unitWords(line.trim().replace(/^[-@:+!]+/, "")).some(
    (word) => word === bin || word.replaceAll("$$", "$") === bin,
  );

/** The unit in which systemd itself holds that port, for whoever it starts. */
export function socketUnitOf(port: number, folders = UNIT_FOLDERS): string | undefined {
  const listens = new RegExp(String.raw`^\s*ListenStream\s*=\s*(?:\S*:)?${port}\s*$`, "m");
  for (const folder of folders) {
    for (const name of orUndefined(() => readdirSync(folder)) ?? []) {
      if (!name.endsWith(".socket")) continue;
      if (listens.test(orUndefined(() => readFileSync(join(folder, name), "utf8")) ?? ""))
        return name;
    }
  }
  return undefined;
}

/** The unit that a running process belongs to, if it is the one for this root. */
export function owningUnit(
  layout: Layout,
  pid: number,
  folders?: string[],
  readCgroup = (path: string) => readFileSync(path, "utf8"),
): string | undefined {
  const unit = unitFor(layout, folders);
  if (unit === undefined) return undefined;
  const cgroup = orUndefined(() => readCgroup(`/proc/${pid}/cgroup`)) ?? "";
  const owners = cgroup.split("\n").map((line) => line.slice(line.lastIndexOf("/") + 1));
  return owners.includes(unit) ? unit : undefined;
}
