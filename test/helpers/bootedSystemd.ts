/**
 * A real systemd as the first process of its own namespaces, with nothing to start but what a test
 * puts there. Needs root and the right to make namespaces; `bootSystemd` returns undefined without.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, runCommand } from "./commands.ts";
import { needPrograms } from "./debian.ts";
import { until } from "./installed.ts";

const SYSTEMD = "/lib/systemd/systemd";
const UNIT_FOLDERS = [
  "/etc/systemd/system",
  "/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/usr/local/lib/systemd/system",
  "/lib/systemd/system-generators",
  "/usr/lib/systemd/system-generators",
  "/etc/systemd/system-generators",
];
/** What a unit leans on by default, with nothing in them. */
const TARGETS = ["sysinit", "basic", "shutdown", "network-online", "multi-user"];
/**
 * The machine's own units and generators are out of its sight, all of them, and its files can't be
 * written: one of those units (systemd-tmpfiles) would empty /tmp.
 */
const BOOT = `
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -o remount,bind,ro /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/lock
for folder in ${UNIT_FOLDERS.join(" ")}; do
  if [ -d "$folder" ]; then mount -t tmpfs tmpfs "$folder"; fi
done
if [ -d "$1/units" ]; then mount --bind "$1/units" /etc/systemd/system; fi
for target in ${TARGETS.join(" ")} tsugi-test; do
  printf '[Unit]\\nDefaultDependencies=no\\n' > "/run/systemd/system/$target.target"
done
printf 'Wants=multi-user.target\\n' >> /run/systemd/system/tsugi-test.target
mkdir -p /run/sshd
export container=tsugi
exec ${SYSTEMD} --system --unit=tsugi-test.target --log-target=console --show-status=0
`;
/** Where systemd keeps its groups: one of these, by the age of the machine. */
const CGROUPS = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

export class BootedSystemd {
  readonly #pid: number;
  readonly #launcher: ChildProcess;
  readonly #cgroups: string[];

  constructor(launcher: ChildProcess, pid: number, cgroups: string[]) {
    this.#launcher = launcher;
    this.#pid = pid;
    this.#cgroups = cgroups;
  }

  /** What a command is run with to be where systemd is the first process. */
  get enter(): [string, ...string[]] {
    return ["nsenter", "-t", String(this.#pid), "-m", "-p", "-u", "-i", "--"];
  }

  run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
    const [nsenter, ...enter] = this.enter;
    const options = { env: { PATH: process.env.PATH, ...env } };
    return runCommand(nsenter, [...enter, command, ...args], options);
  }

  async systemctl(...args: string[]): Promise<string> {
    const { status, stdout, output } = await this.run("systemctl", args);
    if (status !== 0) throw new Error(`systemctl ${args.join(" ")}: ${output}`);
    return stdout.trim();
  }

  async property(unit: string, name: string): Promise<string> {
    return this.systemctl("show", "--value", "--property", name, unit);
  }

  async addUnit(name: string, text: string): Promise<void> {
    writeFileSync(`/proc/${this.#pid}/root/etc/systemd/system/${name}`, text);
    await this.systemctl("daemon-reload");
  }

  /** All processes of its namespace end with it. */
  async end(): Promise<void> {
    const exited = new Promise((resolve) => this.#launcher.once("exit", resolve));
    process.kill(this.#pid, "SIGKILL");
    await exited;
    for (const cgroup of this.#cgroups) {
      await until("an empty cgroup", () => removeTree(cgroup));
    }
  }
}

/**
 * `writable`: the one folder that it and what it starts can write to. A folder `units` in it is its
 * /etc/systemd/system, which then outlives it.
 */
export async function bootSystemd(writable: string): Promise<BootedSystemd | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  await needPrograms("systemctl", "systemd-notify", "nsenter");
  const cgroups = CGROUPS.filter(isCgroup).map((root) => join(root, `tsugi-test-${process.pid}`));
  try {
    for (const cgroup of cgroups) mkdirSync(cgroup);
  } catch {
    return undefined;
  }
  // It joins its groups before it makes namespaces: systemd stays below where it was born.
  const boot = `sh -c '${BOOT.replaceAll("'", "'\\''")}' sh "$folder"`;
  const enter = 'for group; do echo $$ > "$group/cgroup.procs" || exit 1; done';
  const flags = "--fork --pid --mount --uts --ipc --mount-proc --kill-child";
  const script = `folder=$1; shift; ${enter}; exec unshare ${flags} ${boot}`;
  const launcher = spawn("sh", ["-c", script, "sh", writable, ...cgroups], { stdio: "ignore" });
  try {
    const pid = await until("systemd as a first process", () => childOf(launcher));
    const booted = new BootedSystemd(launcher, pid, cgroups);
    await until("a booted systemd", async () => {
      const { stdout } = await booted.run("systemctl", ["is-system-running"]);
      return /^(running|degraded)/.test(stdout);
    });
    return booted;
  } catch {
    launcher.kill("SIGKILL");
    for (const cgroup of cgroups) removeTree(cgroup);
    return undefined;
  }
}

/** The process that `unshare` started, once it has become systemd. */
function childOf({ pid, exitCode }: ChildProcess): number | undefined {
  if (exitCode !== null) throw new Error("no namespaces here");
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  if (children === "") return undefined;
  const [child] = children.split(" ");
  return readFileSync(`/proc/${child}/comm`, "utf8").trim() === "systemd"
    ? Number(child)
    : undefined;
}

function isCgroup(folder: string): boolean {
  try {
    return statSync(join(folder, "cgroup.procs")).isFile();
  } catch {
    return false;
  }
}

function removeTree(folder: string): boolean {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(folder, entry.name));
    }
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}
