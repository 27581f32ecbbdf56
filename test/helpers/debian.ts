/**
 * Programs that some tests need and npm does not have. Where we are root on Debian or Ubuntu they
 * are installed; elsewhere the test fails and names the line to type.
 */
import { accessSync, constants, existsSync, mkdirSync, readdirSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { mustRun, runCommand } from "./commands.ts";

const ATTEMPTS = 10;
const LOCK_PAUSE_MS = 5_000;

/** Where Debian keeps what is not in every user's PATH. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The absolute path of a program, or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Sees to it that `programs` (or files, by their paths) are there, by way of the Debian packages that have them. */
export async function needPrograms(programs: string[], packages: string[]): Promise<void> {
  const missing = programs.filter((program) =>
    isAbsolute(program) ? !existsSync(program) : findProgram(program) === undefined,
  );
  if (missing.length === 0) return;
  const line = `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error(`This test needs ${missing.join(", ")}. Install: sudo ${line}`);
  }
  for (let attempt = 1; ; attempt += 1) {
    if (await aptGet(["install", "-y", "--no-install-recommends", ...packages])) return;
    if (attempt === ATTEMPTS) throw new Error(`${line} failed`);
    // Another test file may be at it: apt waits for dpkg, but for no lock of its own lists.
    if (!(await aptGet(["update"]))) await delay(LOCK_PAUSE_MS);
  }
}

/** A Debian package's files below `folder`, nothing installed; undefined where that is no way to get it. */
export async function unpackPackage(name: string, folder: string): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return undefined;
  mkdirSync(folder, { recursive: true });
  const download = () => runCommand("apt-get", ["download", name], { cwd: folder });
  if ((await download()).status !== 0) {
    await aptGet(["update"]);
    await download();
  }
  const [file] = readdirSync(folder).filter((entry) => entry.startsWith(`${name}_`));
  if (file === undefined) return undefined;
  await mustRun("dpkg", ["-x", join(folder, file), join(folder, name)]);
  return join(folder, name);
}

async function aptGet(args: string[]): Promise<boolean> {
  const { status } = await runCommand("apt-get", ["-o", "DPkg::Lock::Timeout=300", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeoutMs: 600_000,
  });
  return status === 0;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
