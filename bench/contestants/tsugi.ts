/** A release of the service in an install root, upgraded by `bin/feed upgrade`: a handoff. */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import type { Bench, InstalledHost } from "../lib/bench.ts";
import type { Contestant } from "./contestant.ts";
import { copySource, editSource } from "./source.ts";

export class Tsugi implements Contestant {
  readonly name = "tsugi";
  readonly host: InstalledHost;
  readonly #bench: Bench;
  readonly #project: string;
  readonly #app: string;

  static async make(bench: Bench, project: string, app = "feed"): Promise<Tsugi> {
    const own = copySource(project, join(bench.folder, "projects", `${app}-tsugi`));
    const host = await bench.install(app, await bench.release(own, app, "1.0.0"));
    return new Tsugi(bench, own, host, app);
  }

  private constructor(bench: Bench, project: string, host: InstalledHost, app: string) {
    this.#bench = bench;
    this.#project = project;
    this.#app = app;
    this.host = host;
  }

  get port(): number {
    return this.host.port;
  }

  start() {
    return this.host.must("start");
  }

  stop() {
    return this.host.must("stop");
  }

  async prepare(version: string) {
    editSource(this.#project, version);
    const tarball = await this.#bench.release(this.#project, this.#app, version);
    const dropBox = join(this.host.root, "releases", version);
    mkdirSync(dropBox, { recursive: true });
    cpSync(tarball, join(dropBox, `${this.#app}.tar.gz`));
    return () => this.host.must("upgrade", version, "--wait");
  }

  async pids() {
    const status = JSON.parse((await this.host.must("status", "--json")).stdout);
    const serving = status.processes.flatMap((process: { slots: { pid: number }[] }) =>
      process.slots.map(({ pid }) => pid),
    );
    return { supervising: [Number((await this.host.must("pid")).stdout)], serving };
  }
}
