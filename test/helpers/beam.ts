/** Elixir and Erlang in tests: fixture projects built in folders of their own, and hosts to run them. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type CommandOptions, mustRun, runCommand } from "./commands.ts";
import { findProgram, needPrograms } from "./debian.ts";
import { projectRoot, tsugiCli } from "./example.ts";
import { freePort, makeHostPath } from "./host.ts";

/** False, or why tests that need Elixir are skipped here. On Debian as root it gets installed. */
export async function elixirMissing(): Promise<string | false> {
  try {
    await needPrograms(["mix", "erl"], ["elixir"]);
    return false;
  } catch (error) {
    return `Elixir is not installed: ${(error as Error).message}`;
  }
}

export interface BeamVariant {
  fixture: string;
  /** `tsugi release --version`. */
  version?: string;
  edit?: Record<string, (text: string) => string>;
  files?: Record<string, string>;
  env?: Record<string, string>;
}

export interface BuiltBeam {
  name: string;
  version: string;
  tarball: string;
  tree: string;
  sha256: string;
  folder: string;
}

/** Copies the fixture into a new, clean folder and changes it there. */
export function copyFixture(folder: string, { fixture, edit = {}, files = {} }: BeamVariant): void {
  cpSync(join(projectRoot, "test", "fixtures", "beam", fixture), folder, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  for (const [path, change] of Object.entries(edit)) {
    const before = readFileSync(join(folder, path), "utf8");
    const after = change(before);
    if (after === before) throw new Error(`the edit of ${path} changed nothing`);
    writeFileSync(join(folder, path), after);
  }
}

/** `tsugi release` in that folder; resolves whatever its exit code is. */
export const runRelease = (folder: string, args: string[] = [], options: CommandOptions = {}) =>
  runCommand(process.execPath, [tsugiCli, "release", "--json", ...args], {
    cwd: folder,
    timeoutMs: 300_000,
    ...options,
    env: { ...process.env, ...options.env },
  });

export async function buildBeam(folder: string, variant: BeamVariant): Promise<BuiltBeam> {
  copyFixture(folder, variant);
  const args = variant.version ? ["--version", variant.version] : [];
  const result = await runRelease(folder, args, variant.env ? { env: variant.env } : {});
  if (result.status !== 0) throw new Error(`tsugi release failed in ${folder}\n${result.output}`);
  return { ...JSON.parse(result.stdout), folder };
}

/** Builds of one test file, each in a folder of its own that shares nothing with the others. */
export class BeamBuilds {
  readonly folder = mkdtempSync(join(tmpdir(), "tsugi-beam-"));
  readonly #built = new Map<string, Promise<BuiltBeam>>();
  #last: Promise<unknown> = Promise.resolve();

  /** The same key is built once; one build at a time. */
  get(key: string, variant: BeamVariant): Promise<BuiltBeam> {
    const known = this.#built.get(key);
    if (known) return known;
    const build = this.#last.then(() => buildBeam(join(this.folder, `clean-${key}`), variant));
    this.#last = build.catch(() => {});
    this.#built.set(key, build);
    return build;
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** No Elixir, no Erlang, no Node: what a release brings has to do. */
const NOT_ON_A_BEAM_HOST = ["erl", "erlc", "escript", "elixir", "elixirc", "iex", "mix", "epmd"];

let nodes = 0;

export interface BeamHostOptions {
  env?: Record<string, string>;
  config?: { timeouts?: object; health?: object; restarts?: object };
}

/** An install root, reached by its `bin/<app>` alone. */
export class BeamHost {
  readonly root: string;
  readonly port: number;
  readonly name: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #folder: string;
  #etc: Record<string, string>;

  private constructor(folder: string, name: string, port: number, options: BeamHostOptions) {
    this.#folder = folder;
    this.root = join(folder, "root");
    this.name = name;
    this.port = port;
    const path = makeHostPath(join(folder, "path"));
    for (const program of NOT_ON_A_BEAM_HOST) rmSync(join(path, program), { force: true });
    this.env = { PATH: path, HOME: folder, LANG: "C.UTF-8", TSUGI_EPHEMERAL: "1" };
    nodes += 1;
    // Several hosts on one machine: each node has a name of its own.
    this.#etc = { PORT: String(port), RELEASE_NODE: `t${process.pid}n${nodes}`, ...options.env };
    mkdirSync(join(this.root, "etc"), { recursive: true });
    this.setEnv({});
    const timeouts = { probationMs: 50, drainMs: 3000, ...options.config?.timeouts };
    const config = { ...options.config, timeouts };
    writeFileSync(join(this.root, "etc", "config.json"), JSON.stringify(config));
  }

  /** Extracts by plain `tar`; nothing is started. */
  static async install(release: BuiltBeam, options: BeamHostOptions = {}): Promise<BeamHost> {
    const folder = mkdtempSync(join(tmpdir(), "tsugi-beam-host-"));
    const host = new BeamHost(folder, release.name, await freePort(), options);
    await mustRun("tar", ["xzf", release.tarball], { cwd: host.root, env: host.env });
    return host;
  }

  static async start(release: BuiltBeam, options?: BeamHostOptions): Promise<BeamHost> {
    const host = await BeamHost.install(release, options);
    try {
      await host.must("start");
    } catch (error) {
      await host.remove();
      throw error;
    }
    return host;
  }

  /** Changes `etc/env`; undefined removes a variable. */
  setEnv(changes: Record<string, string | undefined>): void {
    this.#etc = { ...this.#etc, ...changes } as Record<string, string>;
    const lines = Object.entries(this.#etc)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(this.root, "etc", "env"), lines.join(""), { mode: 0o600 });
  }

  get bin(): string {
    return join(this.root, "bin", this.name);
  }

  app(...args: string[]) {
    return runCommand(this.bin, args, { cwd: this.root, env: this.env });
  }

  must(...args: string[]) {
    return mustRun(this.bin, args, { cwd: this.root, env: this.env });
  }

  async json(...args: string[]) {
    const { status, stdout, output } = await this.app(...args, "--json");
    try {
      return { status, value: JSON.parse(stdout), output };
    } catch {
      throw new Error(`no JSON from ${args.join(" ")} (${status}):\n${output}`);
    }
  }

  /** Puts a tarball where `upgrade <vsn>` looks for it. */
  drop(release: BuiltBeam): void {
    const folder = join(this.root, "releases", release.version);
    mkdirSync(folder, { recursive: true });
    cpSync(release.tarball, join(folder, `${release.name}.tar.gz`));
  }

  async upgrade(release: BuiltBeam, ...args: string[]) {
    this.drop(release);
    return this.json("upgrade", release.version, ...args);
  }

  async get(path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      signal: AbortSignal.timeout(10_000),
    });
    return response.text();
  }

  rpc = async (expression: string) => (await this.must("rpc", expression)).stdout.trimEnd();

  pid = async () => Number((await this.must("pid")).stdout);

  log = () => readFileSync(join(this.root, "log", `${this.name}.log`), "utf8");

  async remove(): Promise<void> {
    await this.app("stop");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export const hasProgram = (name: string) => findProgram(name) !== undefined;
