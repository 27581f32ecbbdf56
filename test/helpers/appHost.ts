/** A release of either kind on a host: an empty folder, reached by its `bin/<app>` alone. */
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun, runCommand } from "./commands.ts";
import { makeHostPath } from "./host.ts";
import { freePort } from "./ports.ts";

export interface BuiltApp {
  name: string;
  version: string;
  tarball: string;
  tree: string;
}

/** No Elixir, no Erlang, no Node: what a release brings has to do. */
const NOT_ON_A_HOST = ["erl", "erlc", "escript", "elixir", "elixirc", "iex", "mix", "epmd"];

let nodes = 0;

/** What the hosts of one test process share: the folder for PATH, and each tarball extracted once. */
const shared = { folder: "", extracted: new Map<string, Promise<string>>() };

function sharedFolder(): string {
  if (shared.folder !== "") return shared.folder;
  const folder = mkdtempSync(join(tmpdir(), "tsugi-app-shared-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  makeHostPath(join(folder, "path"));
  for (const program of NOT_ON_A_HOST) rmSync(join(folder, "path", program), { force: true });
  shared.folder = folder;
  return folder;
}

function extracted(tarball: string): Promise<string> {
  const extract = async () => {
    const folder = mkdtempSync(join(sharedFolder(), "release-"));
    await mustRun("tar", ["xzf", tarball, "-C", folder]);
    return folder;
  };
  const known = shared.extracted.get(tarball) ?? extract();
  shared.extracted.set(tarball, known);
  return known;
}

/** As `tar x` would; the runtimes, which nobody changes, are hard links. */
function install(from: string, to: string): void {
  const isLarge = (path: string) => statSync(path).size > 1_000_000;
  cpSync(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path, target) => {
      if (!/\/bin\/(node|beam\.smp)$/.test(path) || !isLarge(path)) return true;
      if (!existsSync(target)) linkSync(path, target);
      return false;
    },
  });
}

export interface AppHostOptions {
  env?: Record<string, string>;
  config?: { timeouts?: object; health?: object; restarts?: object; metrics?: object };
}

/** An install root, reached by its `bin/<app>` alone. */
export class AppHost {
  readonly root: string;
  readonly port: number;
  readonly name: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #folder: string;
  #etc: Record<string, string>;

  private constructor(folder: string, name: string, port: number, options: AppHostOptions) {
    this.#folder = folder;
    this.root = join(folder, "root");
    this.name = name;
    this.port = port;
    const path = join(sharedFolder(), "path");
    this.env = { PATH: path, HOME: folder, LANG: "C.UTF-8", TSUGI_EPHEMERAL: "1" };
    nodes += 1;
    // Several hosts on one machine: each node has a name of its own.
    this.#etc = { PORT: String(port), RELEASE_NODE: `t${process.pid}n${nodes}`, ...options.env };
    mkdirSync(join(this.root, "etc"), { recursive: true });
    this.setEnv({});
    const timeouts = { drainMs: 3000, ...options.config?.timeouts };
    const config = { health: { intervalMs: 20 }, ...options.config, timeouts };
    writeFileSync(join(this.root, "etc", "config.json"), JSON.stringify(config));
  }

  /** Extracts by plain `tar`; nothing is started. */
  static async install(release: BuiltApp, options: AppHostOptions = {}): Promise<AppHost> {
    const folder = mkdtempSync(join(tmpdir(), "tsugi-app-host-"));
    const host = new AppHost(folder, release.name, await freePort(), options);
    install(await extracted(release.tarball), host.root);
    return host;
  }

  static async start(release: BuiltApp, options?: AppHostOptions): Promise<AppHost> {
    const host = await AppHost.install(release, options);
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
  drop(release: BuiltApp): void {
    const folder = join(this.root, "releases", release.version);
    mkdirSync(folder, { recursive: true });
    cpSync(release.tarball, join(folder, `${release.name}.tar.gz`));
  }

  async upgrade(release: BuiltApp, ...args: string[]) {
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
    this.erase();
  }

  /** Where nothing runs any more. */
  erase(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
