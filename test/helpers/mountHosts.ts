/**
 * Hosts with an /etc, a /home and a /srv of their own, in a mount namespace each: users can be made
 * there, and may do by sudo what its own sudoers say. Needs root, and sudo as Debian has it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun, runCommand } from "./commands.ts";
import { whyWithout } from "./debian.ts";
import type { SshPlace } from "./sshd.ts";

export async function whyNoMountHosts(): Promise<string | false> {
  if (process.getuid?.() !== 0) return "a mount namespace takes root";
  const why = await whyWithout("sudo", "useradd");
  if (why) return why;
  const { status, output } = await runCommand("unshare", ["--mount", "true"]);
  return status === 0 ? false : `no mount namespaces here: ${output.trim()}`;
}

const OWN = ["etc", "home", "srv"];

export class MountHost implements SshPlace {
  readonly address = "127.0.0.1";
  readonly enter: string[];
  /** Who logs in. */
  readonly user: string;
  /** As seen from here: its own folders. */
  readonly folder: string;

  /** `sudoers`: what the one who logs in may do, such as `ALL=(root) NOPASSWD: ALL`. */
  static async start(
    folder: string,
    user: string,
    sudoers: string,
    password?: string,
  ): Promise<MountHost> {
    const host = new MountHost(folder, user);
    for (const name of OWN) mkdirSync(join(folder, name), { recursive: true });
    await mustRun("cp", ["-a", "/etc/.", join(folder, "etc")]);
    await host.addUser(user);
    if (password !== undefined) await host.run("sh", "-c", `echo '${user}:${password}' | chpasswd`);
    const rules = join(folder, "etc", "sudoers.d");
    mkdirSync(rules, { recursive: true });
    writeFileSync(join(rules, user), `${user} ${sudoers}\n`, { mode: 0o440 });
    return host;
  }

  private constructor(folder: string, user: string) {
    this.folder = folder;
    this.user = user;
    const mounts = OWN.map((name) => `mount --bind "$0/${name}" /${name}`);
    const script = `${mounts.join(" && ")} && exec "$@"`;
    this.enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, folder];
  }

  /** A user who may log in, by a key only. */
  async addUser(name: string): Promise<void> {
    await this.run("useradd", "--create-home", "--password", "*", "--shell", "/bin/sh", name);
  }

  /** As root, there. */
  run(...command: string[]) {
    const [program, ...args] = [...this.enter, ...command];
    return mustRun(program!, args);
  }
}
