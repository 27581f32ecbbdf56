/** Two users of the machine, real ones, for tests that run as root: an owner and a stranger. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, renameSync } from "node:fs";

/** Both in no passwd file: nothing of the machine is theirs, nothing has to be made for them. */
export const OWNER = 54_320;
export const STRANGER = 54_321;

export const needsRoot = process.getuid?.() === 0 ? false : "needs root, to act as two other users";

const TIMEOUT_MS = 60_000;

/** Runs a program as that user. */
export function as(user: number, command: string, args: string[]) {
  const env = { PATH: process.env.PATH, LANG: "C.UTF-8", TSUGI_EPHEMERAL: "1", HOME: "/nowhere" };
  const options = { uid: user, gid: user, env, cwd: "/", timeout: TIMEOUT_MS } as const;
  const { status, stdout, stderr } = spawnSync(command, args, { ...options, encoding: "utf8" });
  return { status, output: stdout + stderr };
}

export function own(path: string, user: number): void {
  // What is one file with that of another root is made this one's own: an owner is the file's.
  const { stdout } = spawnSync("find", [path, "-type", "f", "-links", "+1"], { encoding: "utf8" });
  for (const file of stdout.split("\n").filter((line) => line !== "")) {
    cpSync(file, `${file}.own`, { preserveTimestamps: true });
    renameSync(`${file}.own`, file);
  }
  assert.equal(spawnSync("chown", ["-hR", `${user}:${user}`, path]).status, 0);
}

/** The files below these places in which that user can read one of these texts. */
export function filesReadableBy(user: number, texts: string[], ...places: string[]): string[] {
  const { output } = as(user, "grep", [
    "-rlaF",
    ...texts.flatMap((text) => ["-e", text]),
    ...places,
  ]);
  return output.split("\n").filter((line) => !/ermission denied|^$/.test(line));
}
