/** One lane of the sweep: a disk of its own, and on it a fresh root for every cell. */
import { appendFileSync, copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../commands.ts";
import { Host, makeHostPath } from "../host.ts";
import { freePort } from "../ports.ts";
import { Disk } from "./disk.ts";
import { FaultFolder } from "./faultFolder.ts";
import { killHard, processesOf } from "./processes.ts";
import type { ReleaseKey, Releases } from "./releases.ts";
import { type Scenario, versionOf } from "./scenarios.ts";

export const NAME = "crash";

/** Soon healthy, patient on a busy machine, and the oldest release is pruned. */
const configOf = (scenario: Scenario) => ({
  health: { intervalMs: 50 },
  timeouts: { probationMs: scenario.to === "unhealthy" ? 2_000 : 20_000, freezeMs: 10_000 },
  keepReleases: 2,
});

export class Root {
  readonly host: Host;
  readonly port: number;
  readonly faults: FaultFolder;
  readonly disk: Disk;

  constructor(host: Host, port: number, faults: FaultFolder, disk: Disk) {
    this.host = host;
    this.port = port;
    this.faults = faults;
    this.disk = disk;
  }

  get path(): string {
    return this.host.root;
  }

  /** The environment in which a command, and the supervisor that it starts, can be struck. */
  get armedEnvironment(): NodeJS.ProcessEnv {
    return { ...this.host.environment, TSUGI_FAULT: this.faults.path };
  }
}

export class Lane {
  readonly #folder: string;
  readonly #releases: Releases;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #pristine = new Map<string, Promise<string>>();
  #count = 0;

  constructor(folder: string, releases: Releases) {
    this.#folder = folder;
    this.#releases = releases;
    this.#disk = new Disk(join(folder, "disk"));
    this.#path = makeHostPath(join(folder, "path"));
  }

  get hasRealDisk(): boolean {
    return this.#disk.isReal;
  }

  /** A root on which the scenario can begin: nothing runs, everything it needs lies there. */
  async fresh(scenario: Scenario): Promise<Root> {
    const pristine = this.#pristine.get(scenario.name) ?? this.#prepare(scenario);
    this.#pristine.set(scenario.name, pristine);
    this.#count += 1;
    const path = join(this.#disk.path, `root${this.#count}`);
    // Links: what is on a host is never changed in place.
    await mustRun("cp", ["-al", await pristine, path]);
    const port = await freePort();
    const env = { PORT: String(port) };
    const host = new Host({
      root: path,
      name: NAME,
      path: this.#path,
      env,
      config: configOf(scenario),
    });
    const faults = new FaultFolder(join(this.#folder, `faults${this.#count}`));
    return new Root(host, port, faults, this.#disk);
  }

  remove(root: Root): void {
    rmSync(root.path, { recursive: true, force: true });
    rmSync(root.faults.path, { recursive: true, force: true });
  }

  /** Also half-way through a cell: nobody is left behind. */
  async end(): Promise<void> {
    for (const { pid } of processesOf(this.#folder)) await killHard(pid).catch(() => {});
    this.#disk.remove();
  }

  async #prepare(scenario: Scenario): Promise<string> {
    const { from, to, next, pruned, unpacks, verb } = scenario;
    const path = join(this.#disk.path, `pristine-${scenario.name}`);
    mkdirSync(path);
    const env = { PORT: String(await freePort()) };
    const host = new Host({ root: path, name: NAME, path: this.#path, env });
    await host.extract((await this.#releases.get(from)).tarball);
    if (verb[0] !== "start") {
      await host.must("start");
      await host.must("stop");
      const others = new Set([to, next, pruned].filter((key) => key !== undefined));
      for (const key of others) await this.#bring(host, key, unpacks !== true || key !== to);
    } else {
      await this.#bring(host, next, false);
    }
    // Of an earlier version of tsugi: the unpack replaces it.
    if (unpacks) appendFileSync(host.bin, "# another\n");
    for (const folder of ["etc", "log", "run", "var"]) {
      rmSync(join(path, folder), { recursive: true, force: true });
    }
    return path;
  }

  async #bring(host: Host, key: ReleaseKey, unpack: boolean): Promise<void> {
    const { tarball } = await this.#releases.get(key);
    const box = join(host.root, "releases", versionOf(key));
    mkdirSync(box, { recursive: true });
    copyFileSync(tarball, join(box, `${NAME}.tar.gz`));
    if (unpack) await host.must("unpack", versionOf(key));
  }
}
