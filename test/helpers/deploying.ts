/** `tsugi deploy` as a user runs it: a project with a configuration, and hosts over real ssh. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeployRecord } from "../../src/deploy/audit.ts";
import type { Status } from "../../src/protocol/report.ts";
import { runCommand } from "./commands.ts";
import { tsugiCli } from "./example.ts";
import { freePort } from "./ports.ts";
import { type FleetOptions, type SshFleet, type SshHost, startSshHosts } from "./sshd.ts";

export interface DeployedHost {
  ssh: SshHost;
  root: string;
  address: string;
  port: number;
  bin: string;
}

export interface DeployEventLine {
  event: string;
  host?: string;
  step?: string;
  state?: string;
  [key: string]: unknown;
}

export class Deploying {
  readonly folder: string;
  readonly fleet: SshFleet;
  readonly hosts: DeployedHost[];
  /** In the configuration; a project has it itself. */
  readonly #name: string | undefined;
  /** Environment of `tsugi`. */
  env: Record<string, string> = {};

  /** @param project what is deployed from; else an empty folder, with the name in its configuration */
  static async start(
    app: string,
    names: string[],
    project?: string,
    options: FleetOptions = {},
  ): Promise<Deploying> {
    const folder = project ?? (await mkdtemp(join(tmpdir(), "tsugi-deploying-")));
    const fleet = await startSshHosts(names, options);
    const ports = await Promise.all(names.map(freePort));
    const hosts = fleet.hosts.map((ssh, index) => {
      const root = join(ssh.folder, "srv", app);
      const address = options.places?.[ssh.name]?.address ?? "127.0.0.1";
      return { ssh, root, address, port: ports[index]!, bin: join(root, "bin", app) };
    });
    const deploying = new Deploying(project === undefined ? app : undefined, folder, fleet, hosts);
    deploying.configure();
    return deploying;
  }

  private constructor(
    name: string | undefined,
    folder: string,
    fleet: SshFleet,
    hosts: DeployedHost[],
  ) {
    this.#name = name;
    this.folder = folder;
    this.fleet = fleet;
    this.hosts = hosts;
  }

  /** Writes tsugi.config.json: the given keys over those of an ordinary environment. */
  configure(
    change: Record<string, unknown> = {},
    perHost: Record<string, Record<string, unknown>> = {},
    only?: string[],
    /** Beside `environments`. */
    top: Record<string, unknown> = {},
  ): void {
    const chosen = this.hosts.filter(({ ssh }) => only === undefined || only.includes(ssh.name));
    const hosts = chosen.map(({ ssh, root, address, port }) => {
      const { env, ...more } = perHost[ssh.name] ?? {};
      return {
        host: ssh.name,
        root,
        ...more,
        env: { HOST: address, PORT: String(port), ...(env as object) },
      };
    });
    const ssh = { config: this.fleet.configFile };
    const production = { hosts, ssh, rollout: { canary: 1, batch: "100%" }, ...change };
    const config = { name: this.#name, environments: { production }, ...top };
    const text = JSON.stringify(config, null, 2);
    writeFileSync(join(this.folder, "tsugi.config.json"), text);
  }

  tsugi(...args: string[]) {
    const env = { ...process.env, ...this.env };
    const command = [tsugiCli, ...args];
    return runCommand(process.execPath, command, { cwd: this.folder, env, timeoutMs: 300_000 });
  }

  /** `deploy production <release> --json`, with what it has told. */
  async deploy(...what: string[]) {
    const result = await this.tsugi("deploy", "production", ...what, "--yes", "--json");
    const events = parseEvents(result.stdout);
    return { ...result, events, result: events.findLast(({ event }) => event === "result") };
  }

  /** Kills `tsugi deploy`, and nothing else, at the first event that fits. @returns that event */
  async deployKilledAt(
    tarball: string,
    fits: (event: DeployEventLine, index: number, all: DeployEventLine[]) => boolean,
    kill: (pid: number) => unknown = (pid) => process.kill(pid, "SIGKILL"),
  ): Promise<{ event: DeployEventLine; code: number | null; events: DeployEventLine[] }> {
    const args = [tsugiCli, "deploy", "production", tarball, "--yes", "--json"];
    const child = spawn(process.execPath, args, {
      cwd: this.folder,
      env: { ...process.env, ...this.env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    let stdout = "";
    let found: DeployEventLine | undefined;
    let killing: Promise<unknown> | undefined;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (found !== undefined) return;
      found = parseEvents(stdout).find(fits);
      if (found !== undefined) killing = (async () => kill(child.pid!))();
      killing?.catch(() => child.kill("SIGKILL"));
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    await killing;
    if (found === undefined) throw new Error(`no such event:\n${stdout}`);
    return { event: found, code, events: parseEvents(stdout) };
  }

  /** What answers on a host's port. */
  async ask(host: DeployedHost): Promise<Record<string, unknown>> {
    const response = await fetch(`http://${host.address}:${host.port}/`);
    return (await response.json()) as Record<string, unknown>;
  }

  async versions(): Promise<unknown[]> {
    return Promise.all(this.hosts.map(async (host) => (await this.ask(host)).version));
  }

  async status(host: DeployedHost): Promise<Status> {
    const { stdout } = await runCommand(host.bin, ["status", "--json"]);
    return JSON.parse(stdout) as Status;
  }

  envOf(host: DeployedHost): string {
    return readFileSync(join(host.root, "etc", "env"), "utf8");
  }

  records(host: DeployedHost): DeployRecord[] {
    const text = readFileSync(join(host.root, "log", "deploys.jsonl"), "utf8");
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as DeployRecord);
  }

  async remove(): Promise<void> {
    await Promise.all(
      this.hosts.map(async ({ bin }) => {
        if (existsSync(bin)) await runCommand(bin, ["stop"]);
      }),
    );
    await this.fleet.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function parseEvents(stdout: string): DeployEventLine[] {
  return stdout.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as DeployEventLine];
    } catch {
      return []; // The last line of one that was killed.
    }
  });
}
