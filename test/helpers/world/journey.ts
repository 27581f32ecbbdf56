/** One project of the world: made, released, started where no Node is, changed, upgraded under clients, stopped. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Built, hostOf } from "../anyProject.ts";
import { mustRun } from "../commands.ts";
import { mustTsugi, writeFiles } from "../projects.ts";
import { startTraffic, type Workload } from "../traffic/index.ts";
import { eventually } from "../wall.ts";
import type { WorldProject } from "./project.ts";

export const STEPS = ["release", "start", "page", "asset", "upgrade", "rollback", "stop"] as const;
export type Step = (typeof STEPS)[number];

export interface Course {
  /** Of the framework. */
  version?: string;
  /** What came out; the last one may say FAIL, and nothing comes after that. */
  steps: Partial<Record<Step | "made", string>>;
}

const INSTALL_MS = 600_000;
const BUILD_MS = 900_000;

export async function travel(project: WorldProject, base: string): Promise<Course> {
  const course: Course = { steps: {} };
  let last: Step | "made" = "made";
  const step = async (name: Step | "made", run: () => Promise<string>) => {
    last = name;
    console.log(`  ${name} …`);
    course.steps[name] = await run();
  };
  let stop = async () => {};
  try {
    await step("made", () => make(project, base));
    const folder = join(base, "app", project.folder ?? ".");
    course.version = versionIn(folder, project.version);
    const built: Built[] = [];
    await step("release", async () => {
      built.push(await release(folder));
      return `${(built[0]!.bytes / 1e6).toFixed(0)} MB`;
    });
    const { host, port, get } = await hostOf(built[0]!, base);
    stop = async () => void (await host.app("stop"));
    await step("start", () => timed(async () => void (await host.must("start"))));
    const page = project.page ?? "/";
    const { from, to, file, shown = [from, to] } = project.change;
    const isNew = async () => (await get(page)).text.includes(shown[1]);
    await step("page", async () => {
      const { status, text } = await get(page);
      assert.ok(status === 200 && text.includes(shown[0]), `${status}: ${text.slice(0, 300)}`);
      return String(status);
    });
    await step("asset", async () => {
      const path = assetOf(project, (await get(page)).text);
      if (path === undefined) return "–";
      const { status, text } = await get(path);
      assert.ok(status === 200 && text.length > 0, `${path}: ${status}`);
      return String(status);
    });
    const clients = await startTraffic({ host: "127.0.0.1", port }, pageWith(page, shown), {
      newConnection: 3,
      keepAlive: 3,
      pauseMs: 20,
    });
    const told = async (run: () => Promise<void>) => {
      const count = (key: "answered" | "reconnected") =>
        clients.tallies.reduce((sum, { counts }) => sum + counts[key], 0);
      const [answered, reconnected] = [count("answered"), count("reconnected")];
      await clients.answers(20);
      await run();
      await clients.answers(20);
      const failed = clients.tallies.flatMap(({ problems }) => problems);
      assert.deepEqual(failed, [], "requests failed");
      const again = count("reconnected") - reconnected;
      return `${count("answered") - answered} answered, 0 failed${again > 0 ? `, ${again} connected again` : ""}`;
    };
    try {
      await step("upgrade", () =>
        told(async () => {
          edit(join(folder, file), from, to);
          edit(join(folder, "package.json"), '"version": "', '"version": "9');
          const next = await release(folder);
          await host.must("upgrade", next.tarball);
          await eventually("the new code answers", isNew);
        }),
      );
      await step("rollback", () =>
        told(async () => {
          await host.must("rollback");
          await eventually("the old code answers", async () => !(await isNew()));
        }),
      );
    } finally {
      await clients.stop();
    }
    await step("stop", async () => {
      await host.must("stop");
      await assert.rejects(get(page), "it answers still");
      return "yes";
    });
  } catch (error) {
    course.steps[last] = `FAIL: ${(error as Error).message}`;
  } finally {
    await stop();
  }
  return course;
}

async function make(project: WorldProject, base: string): Promise<string> {
  mkdirSync(base, { recursive: true });
  for (const [command, ...args] of project.commands ?? []) {
    await mustRun(command!, args, { cwd: base, timeoutMs: INSTALL_MS });
  }
  const app = join(base, "app");
  writeFiles(app, project.files ?? {});
  const path = join(app, "package.json");
  const read = JSON.parse(readFileSync(path, "utf8"));
  for (const key of ["dependencies", "devDependencies", "scripts"] as const) {
    if (project[key]) read[key] = { ...read[key], ...project[key] };
  }
  // A starter may give none, or one that no release has.
  read.version = "1.0.0";
  writeFileSync(path, `${JSON.stringify(read, null, 2)}\n`);
  await mustRun("npm", ["install", "--no-audit", "--no-fund"], { cwd: app, timeoutMs: INSTALL_MS });
  return project.by;
}

/** As a stranger does it: no configuration, and what was packed is tried. */
async function release(folder: string): Promise<Built> {
  const { stdout, stderr } = await mustTsugi(
    ["release", "--json"],
    folder,
    { TSUGI_TRY: "1" },
    BUILD_MS,
  );
  return { ...JSON.parse(stdout), said: stderr };
}

/** Each answer is the old page or the new one. */
const pageWith = (path: string, [before, after]: readonly [string, string]): Workload => ({
  request: (id) => ({ method: "GET", path, headers: { "x-request-id": id } }),
  check: (_id, { status, body }) => {
    const text = body.toString();
    const found = [after, before].find((word) => text.includes(word));
    if (status !== 200 || found === undefined) throw new Error(`${status}: ${text.slice(0, 200)}`);
    return found;
  },
});

function assetOf({ asset }: WorldProject, page: string): string | undefined {
  if (asset === undefined || typeof asset === "string") return asset;
  const found = asset.exec(page)?.[0];
  assert.ok(found, `the page names nothing like ${asset}`);
  return found;
}

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

async function timed(run: () => Promise<void>): Promise<string> {
  const since = performance.now();
  await run();
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
