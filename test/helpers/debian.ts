/**
 * Programs that some tests need and npm does not have. Where we are root on Debian or Ubuntu they
 * are installed; elsewhere the test fails and names the line to type.
 */
import { accessSync, constants, existsSync, mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { waitForLock } from "../../src/platform/lock.ts";
import { mustRun, runCommand } from "./commands.ts";

/** What `npm test` needs: a program, and the package that has it. */
const PACKAGE_OF = {
  "ansible-lint": "ansible-lint",
  "ansible-playbook": "ansible-core",
  busybox: "busybox",
  chromium: "chromium",
  "docker-registry": "docker-registry",
  erl: "elixir",
  faketime: "faketime",
  fish: "fish",
  git: "git",
  ip: "iproute2",
  jq: "jq",
  mandoc: "mandoc",
  "mariadb-install-db": "mariadb-server-core",
  mariadbd: "mariadb-server-core",
  mix: "elixir",
  my_print_defaults: "mariadb-client-core",
  nginx: "nginx-light",
  nsenter: "util-linux",
  "redis-server": "redis-server",
  rsync: "rsync",
  setpriv: "util-linux",
  shellcheck: "shellcheck",
  skopeo: "skopeo",
  socat: "socat",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  sshd: "openssh-server",
  sudo: "sudo",
  systemctl: "systemd",
  "systemd-notify": "systemd",
  tc: "iproute2",
  tcsh: "tcsh",
  tmux: "tmux",
  umoci: "umoci",
  useradd: "passwd",
  wrk: "wrk",
  zsh: "zsh",
} as const;

export type Program = keyof typeof PACKAGE_OF;

const ATTEMPTS = 3;
const PAUSE_MS = 5_000;

/** Where Debian keeps what is not in every user's PATH. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The absolute path of a program, or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Sees to it that they are there. */
export const needPrograms = (...programs: Program[]): Promise<void> =>
  needPackages(programs, [...new Set(programs.map((name) => PACKAGE_OF[name]))]);

/** For a test's `skip`: false where they are there or could be installed, else why not. */
export const whyWithout = (...programs: Program[]): Promise<string | false> =>
  needPrograms(...programs).then(
    () => false as const,
    (error: Error) => error.message,
  );

/** All of them at once: one after the other, by the tests that miss one, they take minutes. */
export const installAll = (): Promise<void> =>
  needPrograms(...(Object.keys(PACKAGE_OF) as Program[]));

/** The same of programs, or files by their paths, and the packages that have them. */
export async function needPackages(programs: string[], packages: string[]): Promise<void> {
  const isMissing = (program: string) =>
    isAbsolute(program) ? !existsSync(program) : findProgram(program) === undefined;
  const line = `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  if (!canInstall()) {
    const missing = programs.filter(isMissing);
    if (missing.length === 0) return;
    throw new Error(`This test needs ${missing.join(", ")}. Install: sudo ${line}`);
  }
  // Also for what is there: while it is being installed, what it stands on may not be.
  const unlock = await waitForLock(join(tmpdir(), "tsugi-debian.lock"));
  try {
    if (!programs.some(isMissing)) return;
    for (let attempt = 1; ; attempt += 1) {
      if (await aptGet(["install", "-y", "--no-install-recommends", ...packages])) return;
      if (attempt === ATTEMPTS) throw new Error(`${line} failed`);
      if (!(await aptGet(["update"]))) await delay(PAUSE_MS);
    }
  } finally {
    await unlock();
  }
}

/** A Debian package's files below `folder`, nothing installed; undefined where that is no way to get it. */
export async function unpackPackage(name: string, folder: string): Promise<string | undefined> {
  if (!canInstall()) return undefined;
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

const canInstall = () => process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");

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
