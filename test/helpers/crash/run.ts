/** One run of a scenario under load, with somebody who can look, and strike, at its labels. */
import { until } from "../installed.ts";
import { type Ended, runCommand } from "./command.ts";
import type { Held } from "./faultFolder.ts";
import type { Root } from "./lane.ts";
import { ask, Load } from "./load.ts";
import { killHard, processesOf } from "./processes.ts";
import { type Scenario, versionOf } from "./scenarios.ts";

export type Role = "supervisor" | "successor" | "old-worker" | "new-worker" | "control";

const COMMAND_MS = 60_000;
/** A supervisor that was replaced leaves after its last answer. */
const AFTERWARDS_MS = 150;
/** So that there is something that could be lost. */
const ACKNOWLEDGED_BEFORE = 10;

export class Run {
  readonly root: Root;
  readonly scenario: Scenario;
  load: Load | undefined;
  /** Which state was there in the beginning. */
  life = "";
  #supervisor = 0;
  #command = 0;

  constructor(root: Root, scenario: Scenario) {
    this.root = root;
    this.scenario = scenario;
  }

  get starts(): boolean {
    return this.scenario.verb[0] === "start";
  }

  /** The old version serves, and clients are at it. */
  async begin(): Promise<void> {
    if (this.starts) return;
    const { host } = this.root;
    const started = await host.run(host.bin, ["start"], { env: this.root.armedEnvironment });
    if (started.status !== 0) throw new Error(`start: ${started.output}`);
    this.#supervisor = processesOf(this.root.path).find((one) => one.kind === "supervisor")!.pid;
    await this.#attack();
  }

  async #attack(): Promise<void> {
    this.load = new Load(this.root.port);
    this.life = (await ask(this.root.port)).life;
    const { acknowledged } = this.load;
    await until(
      "clients are answered",
      () => acknowledged.length >= ACKNOWLEDGED_BEFORE,
      COMMAND_MS,
    );
  }

  /** Runs the scenario's command; `onHeld` is called whenever a process waits at a label. */
  async command(onHeld: (held: Held) => Promise<void>): Promise<Ended> {
    const { faults, host } = this.root;
    const { verb, to } = this.scenario;
    const args = [...verb, ...(this.starts ? [] : [versionOf(to)]), "--json"];
    return runCommand({
      bin: host.bin,
      args,
      options: { cwd: host.root, env: this.root.armedEnvironment },
      faults,
      onSpawn: (pid) => {
        this.#command = pid;
      },
      onHeld,
      timeoutMs: COMMAND_MS,
      afterwardsMs: AFTERWARDS_MS,
    });
  }

  /** Whatever has happened: nobody is left behind. */
  async end(): Promise<void> {
    this.root.faults.disarm();
    this.root.faults.release();
    this.root.disk.relieve();
    await this.load?.stop();
    for (const { pid } of processesOf(this.root.path)) await killHard(pid).catch(() => {});
  }

  /** Who is there now, by role. */
  get cast(): Map<number, Role> {
    const cast = new Map<number, Role>();
    for (const { pid, kind, version } of processesOf(this.root.path)) {
      cast.set(pid, this.#roleOf(pid, kind, version));
    }
    // The shell of `bin/<app>` has become the control program.
    if (cast.size > 0 && processExists(this.#command)) cast.set(this.#command, "control");
    return cast;
  }

  #roleOf(pid: number, kind: string, version: string | undefined): Role {
    if (kind === "control") return "control";
    if (kind === "worker") {
      return version === versionOf(this.scenario.from) ? "old-worker" : "new-worker";
    }
    return pid === this.#supervisor || this.#supervisor === 0 ? "supervisor" : "successor";
  }
}

function processExists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
