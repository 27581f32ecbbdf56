/**
 * Hosts with a network of their own: a namespace each, a cable to here that can be pulled, and, where
 * asked for, a user that only that host knows. Needs root, iproute2 and the right to make namespaces.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun, runCommand } from "./commands.ts";
import { whyWithout } from "./debian.ts";
import type { SshPlace } from "./sshd.ts";

export async function whyNoNetworks(): Promise<string | false> {
  if (process.getuid?.() !== 0) return "network namespaces take root";
  const why = await whyWithout("ip", "tc");
  if (why) return why;
  const name = `tsugi-try-${process.pid}`;
  const { status, output } = await runCommand("ip", ["netns", "add", name]);
  if (status !== 0) return `no network namespaces here: ${output.trim()}`;
  await runCommand("ip", ["netns", "delete", name]);
  return false;
}

export interface NetUser {
  name: string;
  uid: number;
}

export class NetHost implements SshPlace {
  readonly address: string;
  readonly enter: string[];
  readonly user?: string;
  readonly #namespace: string;
  readonly #cable: string;

  /** `folder`: for what is mounted over the host's own files; the tests' own. */
  static async start(index: number, folder: string, user?: NetUser): Promise<NetHost> {
    const host = new NetHost(index, folder, user);
    try {
      await host.#plugIn(index);
    } catch (error) {
      await host.remove();
      throw error;
    }
    return host;
  }

  private constructor(index: number, folder: string, user?: NetUser) {
    const id = `${process.pid % 100_000}-${index}`;
    this.#namespace = `tsugi-${id}`;
    this.#cable = `ts${id}`;
    this.address = addressOf(index, 2);
    const inside = ["ip", "netns", "exec", this.#namespace];
    this.enter = inside;
    if (user === undefined) return;
    this.user = user.name;
    // `ip netns exec` makes a mount namespace as well, so it is this host's own.
    const mounts = accounts(folder, user).map(({ file, over }) => `mount --bind ${file} ${over}`);
    this.enter = [...inside, "sh", "-c", `${mounts.join(" && ")} && exec "$@"`, "sh"];
  }

  async #plugIn(index: number): Promise<void> {
    const namespace = this.#namespace;
    const cable = this.#cable;
    const ip = (...args: string[]) => mustRun("ip", args);
    await ip("netns", "add", namespace);
    await ip("-n", namespace, "link", "set", "lo", "up");
    await ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace);
    await ip("address", "add", `${addressOf(index, 1)}/30`, "dev", cable);
    await ip("link", "set", cable, "up");
    await ip("-n", namespace, "address", "add", `${this.address}/30`, "dev", "eth0");
    await ip("-n", namespace, "link", "set", "eth0", "up");
  }

  /** From here to there at most that fast; what waits is not lost. */
  async slowDown(megabits: number): Promise<void> {
    const limit = ["rate", `${megabits}mbit`, "burst", "64kb", "latency", "200ms"];
    await mustRun("tc", ["qdisc", "replace", "dev", this.#cable, "root", "tbf", ...limit]);
  }

  async fullSpeed(): Promise<void> {
    await mustRun("tc", ["qdisc", "delete", "dev", this.#cable, "root"]);
  }

  /** Nobody is told: packets just do not arrive any more. */
  async unplug(): Promise<void> {
    await mustRun("ip", ["link", "set", this.#cable, "down"]);
  }

  async plug(): Promise<void> {
    await mustRun("ip", ["link", "set", this.#cable, "up"]);
  }

  /** Processes that still run there keep it alive until they end. */
  async remove(): Promise<void> {
    await runCommand("ip", ["link", "delete", this.#cable]);
    await runCommand("ip", ["netns", "delete", this.#namespace]);
  }
}

/** Two of the four addresses of a /30, in a corner of 10/8 that few networks use. */
const addressOf = (index: number, end: 1 | 2): string =>
  `10.254.${(process.pid % 60) + 100}.${index * 4 + end}`;

/** The machine's accounts and one more. */
function accounts(folder: string, { name, uid }: NetUser): { file: string; over: string }[] {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true, mode: 0o755 });
  const lines = {
    passwd: `${name}:x:${uid}:${uid}::/:/bin/sh`,
    group: `${name}:x:${uid}:`,
    shadow: `${name}:*:19000:0:99999:7:::`,
  };
  return Object.entries(lines).map(([base, line]) => {
    const over = join("/etc", base);
    const file = join(place, base);
    const mode = base === "shadow" ? 0o600 : 0o644;
    writeFileSync(file, `${readFileSync(over, "utf8").trimEnd()}\n${line}\n`, { mode });
    return { file, over };
  });
}
