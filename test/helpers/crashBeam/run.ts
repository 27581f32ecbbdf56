/** One run of a scenario on a BEAM host, with somebody who can strike at its labels. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { BeamHost } from "../beam.ts";
import { type Load, startLoad } from "../beamLoad.ts";
import { type Ended, runCommand } from "../crash/command.ts";
import type { Disk } from "../crash/disk.ts";
import type { FaultFolder, Held } from "../crash/faultFolder.ts";
import { killHard } from "../crash/processes.ts";
import type { Scenario } from "./scenarios.ts";

const COMMAND_MS = 120_000;
const CLIENTS = 2;

export class Run {
  readonly host: BeamHost;
  readonly scenario: Scenario;
  readonly faults: FaultFolder;
  readonly disk: Disk;
  load: Load | undefined;
  /** The VM that served in the beginning. */
  vm = 0;
  commandPid = 0;

  constructor(host: BeamHost, scenario: Scenario, faults: FaultFolder, disk: Disk) {
    this.host = host;
    this.scenario = scenario;
    this.faults = faults;
    this.disk = disk;
    host.env.TSUGI_FAULT = faults.path;
  }

  get starts(): boolean {
    return this.scenario.verb[0] === "start";
  }

  /** The old version serves, and clients count. */
  async begin(): Promise<void> {
    if (this.starts) return;
    await this.host.must("start");
    this.vm = vmOf(this.host.root)!;
    for (const _ of "abc") await this.host.get("/add");
    this.load = startLoad(this.host.port, CLIENTS, ["/add"]);
  }

  /** Runs the scenario's command; `onHeld` is called whenever a VM waits at a label. */
  async command(onHeld: (held: Held) => Promise<void>): Promise<Ended> {
    const { verb, to, options } = this.scenario;
    const args = [...verb, ...(this.starts ? [] : [to, ...options]), "--json"];
    const { bin, root, env } = this.host;
    return runCommand({
      bin,
      args,
      options: { cwd: root, env },
      faults: this.faults,
      onSpawn: (pid) => {
        this.commandPid = pid;
      },
      onHeld,
      timeoutMs: COMMAND_MS,
      afterwardsMs: 0,
    });
  }

  /** Whatever has happened: nobody is left behind. */
  async end(): Promise<void> {
    this.faults.disarm();
    this.faults.release();
    this.disk.relieve();
    await this.load?.stop();
    // The keeper first: it would start the VM again.
    const { root } = this.host;
    for (const isKeeper of [true, false]) {
      const those = processesOf(root).filter(({ command }) => !isKeeper || isKeep(command));
      for (const { pid } of those) await killHard(pid).catch(() => {});
    }
    this.host.erase();
  }
}

const isKeep = (command: string) => command.includes("keep.sh");

/** Every process that belongs to an install root. */
export function processesOf(root: string): { pid: number; command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        const program = readlinkSync(`/proc/${name}/exe`);
        const isOfRoot = program.startsWith(`${root}/`) || command.includes(`${root}/`);
        return isOfRoot ? [{ pid: Number(name), command }] : [];
      } catch {
        return []; // it has gone
      }
    });
}

/** The VM that serves, by `run/pid`. */
export function vmOf(root: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(root, "run", "pid"), "utf8"));
    return readlinkSync(`/proc/${pid}/exe`).startsWith(`${root}/`) ? pid : undefined;
  } catch {
    return undefined;
  }
}
