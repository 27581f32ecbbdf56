/** A release installed in an empty folder and started, reached only by its `bin/<app>`. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Status, UpgradeReport } from "../../src/protocol/report.ts";
import type { BuiltRelease } from "./fixtureReleases.ts";
import { Host, makeHostPath } from "./host.ts";
import { PATIENCE_MS } from "./patience.ts";
import { freePort } from "./ports.ts";

export interface InstalledOptions {
  env?: Record<string, string>;
  config?: object;
}

export class Installed {
  readonly host: Host;
  readonly port: number;
  readonly #folder: string;

  constructor(folder: string, host: Host, port: number) {
    this.#folder = folder;
    this.host = host;
    this.port = port;
  }

  /** Extracts by plain `tar`; nothing is started. */
  static async install(release: BuiltRelease, options: InstalledOptions = {}): Promise<Installed> {
    const folder = mkdtempSync(join(tmpdir(), "tsugi-host-"));
    const root = join(folder, "root");
    mkdirSync(root);
    const path = makeHostPath(join(folder, "path"));
    const port = await freePort();
    const env = { PORT: String(port), ...options.env };
    const config = options.config ? { config: options.config } : {};
    const host = new Host({ root, name: release.name, path, env, ...config });
    await host.extract(release.tarball);
    return new Installed(folder, host, port);
  }

  static async start(release: BuiltRelease, options?: InstalledOptions): Promise<Installed> {
    const installed = await Installed.install(release, options);
    try {
      await installed.host.must("start");
    } catch (error) {
      await installed.remove();
      throw error;
    }
    return installed;
  }

  get root(): string {
    return this.host.root;
  }

  get supervisorPid(): number {
    return Number(readFileSync(join(this.root, "run", "pid"), "utf8"));
  }

  get log(): string {
    return readFileSync(join(this.root, "log", `${this.host.name}.log`), "utf8");
  }

  /** Puts a tarball into the drop box, as a deploy would. */
  drop(release: BuiltRelease): void {
    const box = join(this.root, "releases", release.version);
    mkdirSync(box, { recursive: true });
    copyFileSync(release.tarball, join(box, `${release.name}.tar.gz`));
  }

  /** `upgrade <vsn> --json` and the like: the exit code and the report. */
  async report(
    ...args: string[]
  ): Promise<{ status: number | null; report: UpgradeReport; stderr: string }> {
    const { status, stdout, stderr, output } = await this.host.app(...args, "--json");
    try {
      return { status, stderr, report: JSON.parse(stdout) as UpgradeReport };
    } catch {
      throw new Error(`${args.join(" ")} printed no report (exit ${status}):\n${output}`);
    }
  }

  async status(): Promise<Status> {
    const { stdout } = await this.host.must("status", "--json");
    return JSON.parse(stdout) as Status;
  }

  async get<T>(path: string, init?: RequestInit): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, init);
    return (await response.json()) as T;
  }

  post<T>(path: string): Promise<T> {
    return this.get(path, { method: "POST" });
  }

  async remove(): Promise<void> {
    await this.host.app("stop");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Waits for a condition. */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  deadlineMs = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = await check();
    if (value) return value as NonNullable<T>;
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
