/** What every benchmark needs: a folder, releases of the bench apps, and a clean end. */
import { type ChildProcess, spawn } from "node:child_process";
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
import { endCommands, mustRun } from "../../test/helpers/commands.ts";
import { installPackages, projectRoot, tsugiCli } from "../../test/helpers/example.ts";
import { freePort, Host, makeHostPath } from "../../test/helpers/host.ts";

export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), "tsugi-bench-"));
  readonly #cleanups: (() => unknown)[] = [];
  #path: string | undefined;

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
    return join(project, "rel", app, "releases", version, `${app}.tar.gz`);
  }

  /** Installs a release into an empty folder and starts it. */
  async host(
    app: string,
    tarball: string,
    { env = {}, config = {} }: { env?: Record<string, string>; config?: object } = {},
  ): Promise<Host & { port: number; node: string }> {
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
    await host.must("start");
    const [runtime] = readdirSync(join(root, "runtime"));
    return Object.assign(host, { port, node: join(root, "runtime", runtime!, "bin", "node") });
  }

  /** The same app under bare Node. Resolves when it listens. */
  async bare(node: string, project: string, entry: string): Promise<{ port: number; pid: number }> {
    const port = await freePort();
    const child = spawn(node, [entry], {
      cwd: project,
      env: { PATH: this.hostPath, PORT: String(port), NODE_ENV: "production" },
      stdio: "inherit",
    });
    this.onEnd(() => endChild(child));
    await waitForAnswer(port);
    return { port, pid: child.pid! };
  }
}

/** Processor time that a process has taken so far, to the 10 ms of the kernel's clock. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}

export async function waitForAnswer(port: number, deadlineMs = 10_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      await fetch(`http://127.0.0.1:${port}/`);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
