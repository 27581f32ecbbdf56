/** The systemd unit of a host: as root, or through sudo where it asks for no password. */
import { program } from "./program.ts";

const WRITE = program("write-unit.sh");
const ENABLE = program("enable-unit.sh");

export const writeUnit = (path: string) => ["sh", "-c", WRITE, "tsugi", path];
export const enableUnit = (name: string) => ["sh", "-c", ENABLE, "tsugi", `${name}.service`];
