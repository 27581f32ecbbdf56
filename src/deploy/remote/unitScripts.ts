/** The systemd unit of a host: as root, or through sudo where it asks for no password. */
import type { UnitOwner } from "../../release/systemdUnit.ts";
import { program } from "./program.ts";

const WRITE = program("write-unit.sh");
const ENABLE = program("enable-unit.sh");
const OWNER = program("owner.sh");

export const askOwner = (root: string) => ["sh", "-c", OWNER, "tsugi", root];

/** In a dry run nobody has answered. */
export function parseOwner(text: string): UnitOwner {
  const [, uid, gid, name] = /^(\d+) (\d+) ?(\S*)$/m.exec(text) ?? ["", "0", "0", "root"];
  return { uid: Number(uid), gid: Number(gid), name: name === "" ? undefined : name };
}

export const writeUnit = (path: string) => ["sh", "-c", WRITE, "tsugi", path];
export const enableUnit = (name: string) => ["sh", "-c", ENABLE, "tsugi", `${name}.service`];
