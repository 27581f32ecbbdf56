/**
 * Hosts to deploy to: real sshd's on free ports of 127.0.0.1, each with its own host key and its own
 * empty folder, and an ssh configuration in which they have names. On a host there is no Node.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { mustRun } from "./commands.ts";
import { findProgram, whyWithout } from "./debian.ts";
import { makeHostPath } from "./host.ts";
import { until } from "./installed.ts";
import { accepts, freePort } from "./ports.ts";

/** Why there can be no sshd here, for a test's `skip`; it is installed where that is possible. */
export const whyNoSshd = () => whyWithout("sshd", "ssh", "ssh-keygen");

export interface SshHost {
  /** As the ssh configuration has it. */
  name: string;
  port: number;
  /** Its own, empty at first: for an install root. */
  folder: string;
  /** The listener goes on, every connection is cut: what the network does. */
  cut(): void;
  /** Nothing answers there any more; connections that are open stay. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface SshFleet {
  folder: string;
  hosts: SshHost[];
  /** For `ssh -F`, and for `ssh: { config }`. */
  configFile: string;
  knownHosts: string;
  /** Another configuration, in which a host is reached through a port of the test's own. */
  through(name: string, port: number): string;
  /** Ends sshd's and connections. What was started on the hosts is the test's to stop. */
  remove(): Promise<void>;
}

/** Where a sshd runs, if not simply here. */
export interface SshPlace {
  address: string;
  /** What a command is run with to be there. */
  enter: string[];
  /** Who logs in, and with a key of their own. */
  user?: string;
}

export interface FleetOptions {
  /** Where its folder is made; default: among temporary files. */
  parent?: string;
  /** By name; hosts that are not in it are here. */
  places?: Record<string, SshPlace>;
  /** Variables of every session, beside a PATH without Node. */
  env?: Record<string, string>;
  /** By name: the sh program that stands for a host's login. It is given SSH_ORIGINAL_COMMAND. */
  logins?: Record<string, string>;
  /** As a sshd usually has it; tsugi's own deploy needs none, Ansible is slow without. */
  sftp?: boolean;
}

export async function startSshHosts(
  names: string[],
  { env = {}, sftp = false, places = {}, parent = tmpdir(), logins = {} }: FleetOptions = {},
): Promise<SshFleet> {
  const folder = mkdtempSync(join(parent, "tsugi-sshd-"));
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const path = makeHostPath(join(folder, "path"));
  const key = join(folder, "key");
  await generateKey(key);
  // Users of their own go through it.
  if (Object.keys(places).length > 0) chmodSync(folder, 0o711);
  const variables = { PATH: path, TSUGI_EPHEMERAL: "1", ...env };
  const hosts: Sshd[] = [];
  const fleet: SshFleet = {
    folder,
    hosts,
    configFile: join(folder, "ssh_config"),
    knownHosts: join(folder, "known_hosts"),
    through: (name, port) => {
      const file = join(folder, `ssh_config_${port}`);
      const blocks = hosts.map((host) => host.block(fleet, host.name === name ? port : undefined));
      writeFileSync(file, blocks.join("\n"));
      return file;
    },
    remove: async () => {
      for (const host of hosts) {
        await host.stop();
        host.cut();
      }
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    const folders = names.map((name) => join(folder, name));
    const made = await Promise.all(
      names.map((name, index) => {
        const place = places[name] ?? { address: "127.0.0.1", enter: [] };
        const more = logins[name] === undefined ? {} : { login: logins[name] };
        return Sshd.start(name, folders[index]!, key, { env: variables, sftp, place, ...more });
      }),
    );
    hosts.push(...made);
  } catch (error) {
    await fleet.remove();
    throw error;
  }
  writeFileSync(fleet.knownHosts, hosts.map((host) => host.knownHost).join(""));
  writeFileSync(fleet.configFile, hosts.map((host) => host.block(fleet)).join("\n"));
  return fleet;
}

const generateKey = (path: string) =>
  mustRun(findProgram("ssh-keygen")!, ["-q", "-t", "ed25519", "-N", "", "-f", path]);

class Sshd implements SshHost {
  readonly name: string;
  readonly port: number;
  readonly folder: string;
  readonly #settings: string;
  readonly #key: string;
  readonly #place: SshPlace;
  #listener: ChildProcess | undefined;
  /** Of every listener: a connection outlives the one that took it. */
  #connections = new Set<number>();

  static async start(
    name: string,
    folder: string,
    commonKey: string,
    {
      env,
      sftp,
      place,
      login,
    }: Required<Pick<FleetOptions, "env" | "sftp">> & { place: SshPlace; login?: string },
  ): Promise<Sshd> {
    const settings = `${folder}.sshd`;
    mkdirSync(folder);
    mkdirSync(settings);
    const home = join(settings, "home");
    mkdirSync(home);
    await generateKey(join(settings, "host_key"));
    const userKey = place.user === undefined ? commonKey : join(settings, "user_key");
    if (userKey !== commonKey) await generateKey(userKey);
    const port = await freePort();
    // What the machine's own ~/.bashrc does is part of no test, and may take seconds at each login.
    const own = place.user === undefined ? { HOME: home, ...env } : env;
    const variables = Object.entries(own).map(([key, value]) => `${key}="${value}"`);
    writeFileSync(
      join(settings, "sshd_config"),
      [
        `Port ${port}`,
        `ListenAddress ${place.address}`,
        `HostKey ${join(settings, "host_key")}`,
        `AuthorizedKeysFile ${userKey}.pub`,
        "AuthenticationMethods publickey",
        "PermitRootLogin yes",
        "StrictModes no",
        "UsePAM no",
        "PidFile none",
        "PrintMotd no",
        "LogLevel VERBOSE",
        `SetEnv ${variables.join(" ")}`,
        ...(login === undefined ? [] : [`ForceCommand exec sh ${settings}/login`]),
        ...(sftp ? ["Subsystem sftp internal-sftp"] : []),
        "",
      ].join("\n"),
    );
    if (login !== undefined) writeFileSync(join(settings, "login"), login);
    const host = new Sshd(name, port, folder, settings, userKey, place);
    await host.start();
    return host;
  }

  private constructor(
    name: string,
    port: number,
    folder: string,
    settings: string,
    key: string,
    place: SshPlace,
  ) {
    this.name = name;
    this.port = port;
    this.folder = folder;
    this.#settings = settings;
    this.#key = key;
    this.#place = place;
  }

  async start(): Promise<void> {
    const file = join(this.#settings, "sshd_config");
    const log = join(this.#settings, "log");
    const command = [findProgram("sshd")!, "-D", "-E", log, "-f", file];
    const [program, ...args] = [...this.#place.enter, ...command];
    const listener = spawn(program!, args, { stdio: "ignore" });
    this.#listener = listener;
    await until(
      `sshd of ${this.name}`,
      () => {
        if (listener.exitCode !== null) throw new Error(`sshd: ${readFileSync(log, "utf8")}`);
        return accepts(this.port, this.#place.address);
      },
      30_000,
    );
  }

  async stop(): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined || listener.exitCode !== null || listener.signalCode !== null)
      return;
    for (const pid of childrenOf(listener.pid!)) this.#connections.add(pid);
    const ended = new Promise((resolve) => listener.once("exit", resolve));
    listener.kill("SIGKILL");
    await ended;
  }

  cut(): void {
    const now = this.#listener?.exitCode === null ? childrenOf(this.#listener.pid!) : [];
    for (const pid of [...now, ...this.#connections]) killConnection(pid);
    this.#connections.clear();
  }

  get knownHost(): string {
    const [type, key] = readFileSync(join(this.#settings, "host_key.pub"), "utf8").split(" ");
    return `[${this.#place.address}]:${this.port} ${type} ${key}\n`;
  }

  block({ knownHosts }: { knownHosts: string }, port = this.port): string {
    const { address, user = userInfo().username } = this.#place;
    return `Host ${this.name}
  HostName ${port === this.port ? address : "127.0.0.1"}
  Port ${port}
  HostKeyAlias [${address}]:${this.port}
  User ${user}
  IdentityFile ${this.#key}
  IdentitiesOnly yes
  UserKnownHostsFile ${knownHosts}
  GlobalKnownHostsFile /dev/null
`;
  }
}

/** A connection is a process of sshd, or two where it has given up root: their commands live on. */
function killConnection(pid: number): void {
  if (!isSshd(pid)) return;
  const below = childrenOf(pid);
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has gone in this moment.
  }
  for (const child of below) killConnection(child);
}

function isSshd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("sshd");
  } catch {
    return false;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .flatMap((thread) =>
        readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
          .trim()
          .split(" ")
          .filter(Boolean),
      )
      .map(Number);
  } catch {
    return [];
  }
}
