/** One project of the world: made, released, started where no Node is, changed, upgraded under clients, stopped. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Built, hostOf } from "../anyProject.ts";
import { mustRun } from "../commands.ts";
import { mustTsugi, writeFiles } from "../projects.ts";
import { startTraffic, type Traffic, type Workload } from "../traffic/index.ts";
import { eventually } from "../wall.ts";
import { LongClients } from "./longClients.ts";
import type { WorldProject } from "./project.ts";

const INSTALL_MS = 600_000;
const BUILD_MS = 900_000;

/** Each step, and what the table says of it. One that fails ends the journey. */
const STEPS_OF = {
  made: (trip) => trip.make(),
  release: (trip) => trip.releaseFirst(),
  start: (trip) => trip.start(),
  page: (trip) => trip.page(),
  asset: (trip) => trip.asset(),
  api: (trip) => trip.api(),
  image: (trip) => trip.image(),
  upgrade: (trip) => trip.upgrade(),
  rollback: (trip) => trip.rollback(),
  third: (trip) => trip.third(),
  stop: (trip) => trip.stop(),
} as const satisfies Record<string, (trip: Journey) => Promise<string>>;

export type Step = keyof typeof STEPS_OF;
export const STEPS = (Object.keys(STEPS_OF) as Step[]).filter((step) => step !== "made");

export interface Course {
  /** Of the framework. */
  version?: string;
  /** What came out; the last one may say FAIL, and nothing comes after that. */
  steps: Partial<Record<Step, string>>;
}

const NONE = "–";

export interface JourneyOptions {
  /** How its releases are built. */
  release?: (folder: string) => Promise<Built>;
  /** Where there is no need to show what goes on. */
  isQuiet?: boolean;
}

export async function travel(
  project: WorldProject,
  base: string,
  { release = releaseOf, isQuiet = false }: JourneyOptions = {},
): Promise<Course> {
  const trip = new Journey(project, base, release);
  const steps: Course["steps"] = {};
  try {
    for (const [name, run] of Object.entries(STEPS_OF) as [
      Step,
      (trip: Journey) => Promise<string>,
    ][]) {
      if (!isQuiet) console.log(`  ${name} …`);
      steps[name] = await run(trip).catch((error: Error) => `FAIL: ${error.message}`);
      if (steps[name].startsWith("FAIL")) break;
    }
  } finally {
    await trip.end();
  }
  return { version: trip.version, steps };
}

class Journey {
  readonly #project: WorldProject;
  readonly #base: string;
  readonly #folder: string;
  readonly #release: (folder: string) => Promise<Built>;
  #built!: Built;
  #at!: Awaited<ReturnType<typeof hostOf>>;
  #clients: Traffic | undefined;
  #long: LongClients | undefined;

  constructor(project: WorldProject, base: string, release: (folder: string) => Promise<Built>) {
    this.#project = project;
    this.#base = base;
    this.#folder = join(base, "app", project.folder ?? ".");
    this.#release = release;
  }

  get version(): string {
    return versionIn(this.#folder, this.#project.version);
  }

  /** What the page has of the line that changes: at first, then, and in the third release. */
  get #words(): [before: string, after: string, third: string] {
    const { from, to, shown = [from, to] } = this.#project.change;
    return [shown[0], shown[1], `${shown[1]}x`];
  }

  async make(): Promise<string> {
    const {
      commands = [],
      files = {},
      install = ["npm", "install", "--no-audit", "--no-fund"],
    } = this.#project;
    mkdirSync(this.#base, { recursive: true });
    for (const [command, ...args] of commands) {
      await mustRun(command!, args, { cwd: this.#base, timeoutMs: INSTALL_MS });
    }
    const app = join(this.#base, "app");
    writeFiles(app, files);
    const path = join(app, "package.json");
    const read = JSON.parse(readFileSync(path, "utf8"));
    for (const key of ["dependencies", "devDependencies", "scripts"] as const) {
      if (this.#project[key]) read[key] = { ...read[key], ...this.#project[key] };
    }
    // A starter may give none, or one that no release has.
    read.version = "1.0.0";
    writeFileSync(path, `${JSON.stringify(read, null, 2)}\n`);
    const [command, ...args] = install;
    if (command !== undefined) await mustRun(command, args, { cwd: app, timeoutMs: INSTALL_MS });
    return this.#project.by;
  }

  async releaseFirst(): Promise<string> {
    this.#built = await this.#release(this.#folder);
    this.#at = await hostOf(this.#built, this.#base, this.#project.env);
    return `${(this.#built.bytes / 1e6).toFixed(0)} MB`;
  }

  async start(): Promise<string> {
    const since = performance.now();
    await this.#at.host.must("start");
    return `${((performance.now() - since) / 1000).toFixed(1)} s`;
  }

  async page(): Promise<string> {
    const { status, text } = await this.#page();
    const isRight = status === 200 && text.includes(this.#words[0]);
    assert.ok(isRight, `${status}: ${text.slice(0, 300)}`);
    return String(status);
  }

  async asset(): Promise<string> {
    const { asset } = this.#project;
    if (asset === undefined) return NONE;
    const path = typeof asset === "string" ? asset : asset.exec((await this.#page()).text)?.[0];
    assert.ok(path, `the page names nothing like ${asset}`);
    const { status, text } = await this.#at.get(path);
    assert.ok(status === 200 && text.length > 0, `${path}: ${status}`);
    return String(status);
  }

  async api(): Promise<string> {
    const { api } = this.#project;
    if (api === undefined) return NONE;
    const { status, text } = await this.#at.get(api);
    assert.equal(status, 200, `${api}: ${text.slice(0, 300)}`);
    JSON.parse(text);
    return String(status);
  }

  async image(): Promise<string> {
    const { image } = this.#project;
    if (image === undefined) return NONE;
    const response = await fetch(`http://127.0.0.1:${this.#at.port}${image}`);
    const type = response.headers.get("content-type") ?? "";
    const bytes = (await response.arrayBuffer()).byteLength;
    assert.ok(
      response.status === 200 && /^image\//.test(type) && bytes > 0,
      `${response.status} ${type}`,
    );
    return `${response.status} ${type}`;
  }

  async upgrade(): Promise<string> {
    const { from, to, file } = this.#project.change;
    this.#clients = await startTraffic(
      { host: "127.0.0.1", port: this.#at.port },
      pageWith(this.#project.page ?? "/", this.#words),
      { newConnection: 3, keepAlive: 3, pauseMs: 20 },
    );
    this.#long = new LongClients(this.#project, this.#at.port);
    return this.#told(() => this.#change(join(this.#folder, file), from, to, this.#words[1]));
  }

  async rollback(): Promise<string> {
    return this.#told(async () => {
      await this.#at.host.must("rollback");
      await this.#shows(this.#words[0]);
    });
  }

  async third(): Promise<string> {
    const { to, file } = this.#project.change;
    const [, after, third] = this.#words;
    const next = to.replace(after, third);
    const said = await this.#told(() => this.#change(join(this.#folder, file), to, next, third));
    await this.#endClients();
    assert.deepEqual(this.#long?.problems, []);
    return `${said}${this.#long?.seen}`;
  }

  async stop(): Promise<string> {
    await this.#at.host.must("stop");
    await assert.rejects(this.#page(), "it answers still");
    return "yes";
  }

  async end(): Promise<void> {
    await this.#endClients();
    await this.#at?.host.app("stop");
  }

  #page() {
    return this.#at.get(this.#project.page ?? "/");
  }

  #shows(word: string): Promise<unknown> {
    return eventually(`the page says ${word}`, async () => {
      const { text } = await this.#page();
      // "again" is in "againx" as well.
      return (
        text.includes(word) &&
        this.#words.every((other) => other.length <= word.length || !text.includes(other))
      );
    });
  }

  async #change(file: string, from: string, to: string, word: string): Promise<void> {
    edit(file, from, to);
    edit(join(this.#folder, "package.json"), '"version": "', '"version": "9');
    const next = await this.#release(this.#folder);
    await this.#at.host.must("upgrade", next.tarball);
    await this.#shows(word);
  }

  /** Runs it under the clients, none of which may fail; what they saw meanwhile. */
  async #told(run: () => Promise<void>): Promise<string> {
    const clients = this.#clients!;
    const count = (key: "answered" | "reconnected") =>
      clients.tallies.reduce((sum, { counts }) => sum + counts[key], 0);
    const [answered, reconnected] = [count("answered"), count("reconnected")];
    await clients.answers(20);
    const leave = await this.#project.guest?.(this.#at.port);
    await run();
    const said = await leave?.();
    await clients.answers(20);
    const failed = clients.tallies.flatMap(({ problems }) => problems);
    assert.deepEqual(failed, [], "requests failed");
    const again = count("reconnected") - reconnected;
    const answers = `${count("answered") - answered} answered, 0 failed`;
    return [answers, again > 0 && `${again} connected again`, said].filter(Boolean).join(", ");
  }

  async #endClients(): Promise<void> {
    await this.#long?.end();
    await this.#clients?.stop();
    this.#clients = undefined;
  }
}

/** As a stranger does it: no configuration, and what was packed is tried. */
async function releaseOf(folder: string): Promise<Built> {
  const tries = { TSUGI_TRY: "1" };
  const { stdout, stderr } = await mustTsugi(["release", "--json"], folder, tries, BUILD_MS);
  return { ...JSON.parse(stdout), said: stderr };
}

/** Each answer is one of the pages that there were. */
const pageWith = (path: string, words: readonly string[]): Workload => ({
  request: (id) => ({ method: "GET", path, headers: { "x-request-id": id } }),
  check: (_id, { status, body }) => {
    const text = body.toString();
    const found = [...words].reverse().find((word) => text.includes(word));
    if (status !== 200 || found === undefined) throw new Error(`${status}: ${text.slice(0, 200)}`);
    return found;
  },
});

function edit(file: string, from: string, to: string): void {
  const text = readFileSync(file, "utf8");
  assert.ok(text.includes(from), `${file} has no ${from}`);
  writeFileSync(file, text.replace(from, to));
}

function versionIn(folder: string, name: string): string {
  if (name === "") return "";
  const lookup = createRequire(join(folder, "x.js")).resolve.paths(name) ?? [];
  const path = lookup.map((at) => join(at, name, "package.json")).find(existsSync);
  return path === undefined ? "?" : `${name} ${JSON.parse(readFileSync(path, "utf8")).version}`;
}
