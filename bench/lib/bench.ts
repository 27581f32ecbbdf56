/** What every benchmark needs: a folder, releases of the bench apps, and a clean end. */

import type { ChildProcess } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildsIn } from "../../src/release/layout.ts";
import { endCommands, mustRun } from "../../test/helpers/commands.ts";
import { installPackages, projectRoot, tsugiCli } from "../../test/helpers/example.ts";
import { Host, makeHostPath } from "../../test/helpers/host.ts";
import { freePort } from "../../test/helpers/ports.ts";

const ANSWER_WITHIN_MS = 30_000;

interface HostOptions {
  env?: Record<string, string>;
  config?: object;
}

export type InstalledHost = Host & { port: number; node: string };

export class Bench {
  /** Few rounds: whether it runs, not how fast. */
  readonly isShort: boolean;
  readonly folder = mkdtempSync(join(tmpdir(), "tsugi-bench-"));
  readonly #cleanups: (() => unknown)[] = [];
  #path: string | undefined;

  constructor({ isShort = false } = {}) {
    this.isShort = isShort;
  }

  get hostPath(): string {
    this.#path ??= makeHostPath(join(this.folder, "host-path"));
    return this.#path;
  }

  onEnd(clean: () => unknown): void {
    this.#cleanups.push(clean);
  }

  async end(): Promise<void> {
    await endCommands();
    for (const clean of this.#cleanups.splice(0).reverse()) {
      try {
        await clean();
      } catch (error) {
        console.error(String(error));
      }
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** A project of its own with a bench app in it; plain Node finds `tsugi/hot` there as well. */
  project(app: string, name = app): string {
    const folder = this.#copy(app, name);
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(projectRoot, join(folder, "node_modules", "tsugi"));
    return folder;
  }

  /** The same for an app that has packages from npm. */
  async projectWithPackages(app: string, name = app): Promise<string> {
    const folder = this.#copy(app, name);
    await installPackages(folder);
    symlinkSync(projectRoot, join(folder, "node_modules", "tsugi"));
    return folder;
  }

  #copy(app: string, name: string): string {
    const folder = join(this.folder, "projects", name);
    cpSync(join(projectRoot, "bench", "apps", app), folder, { recursive: true });
    return folder;
  }

  /** `tsugi release`; returns the tarball. */
  async release(project: string, app: string, version: string): Promise<string> {
    await mustRun(process.execPath, [tsugiCli, "release", "--version", version], {
      cwd: project,
      timeoutMs: 300_000,
    });
    return join(buildsIn(project), app, "releases", version, `${app}.tar.gz`);
  }

  /** Installs a release into an empty folder and starts it. */
  async host(app: string, tarball: string, options: HostOptions = {}): Promise<InstalledHost> {
    const host = await this.install(app, tarball, options);
    await host.must("start");
    return host;
  }

  /** Installs a release into an empty folder. */
  async install(
    app: string,
    tarball: string,
    { env = {}, config = {} }: HostOptions = {},
  ): Promise<InstalledHost> {
    const root = mkdtempSync(join(this.folder, "host-"));
    const port = await freePort();
    const host = new Host({
      root,
      name: app,
      path: this.hostPath,
      env: { PORT: String(port), ...env },
      config,
    });
    await host.extract(tarball);
    this.onEnd(() => host.app("stop"));
    const [runtime] = readdirSync(join(root, "runtime"));
    return Object.assign(host, { port, node: join(root, "runtime", runtime!, "bin", "node") });
  }
}

/** Processor time that a process has taken so far, to the 10 ms of the kernel's clock. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export async function endChild(
  child: ChildProcess,
  signal: NodeJS.Signals = "SIGKILL",
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await exited;
}

const ASK_EVERY_MS = 5;

/** Resolves when somebody answers on that port; with `version`, when that version does. */
export async function untilAnswers(
  port: number,
  version?: string,
  withinMs = ANSWER_WITHIN_MS,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/still`, {
      headers: { connection: "close" },
    }).catch(() => undefined);
    await answer?.arrayBuffer();
    const isThere = answer?.status === 200;
    if (isThere && (version === undefined || answer.headers.get("x-version") === version)) return;
    if (performance.now() > deadline) throw new Error(`no answer on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}
