/**
 * The applications that are installed below some folders of this machine, of either kind, and how each
 * is: by its own bin/<app>, since nobody else knows that. What another user may have put there is not
 * run with our rights.
 */

import { execFile } from "node:child_process";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { jsonIn } from "../contract/checks.ts";
import { cpuMsOf } from "../platform/processes.ts";
import { table } from "../protocol/columns.ts";
import type { AppRow, NotRunning } from "../protocol/documents.ts";
import type { SlotStatus, Status } from "../protocol/report.ts";
import { layoutOf } from "../release/layout.ts";
import { isAppName } from "../release/names.ts";
import { bytesText, uptimeText } from "./output.ts";

const ANSWER_MS = 20_000;
/** Over which processors are looked at. */
const CPU_MS = 250;

/** Of folders that are install roots, or have some. */
export async function appsBelow(folders: string[]): Promise<AppRow[]> {
  const found = await Promise.all(folders.map(binsBelow));
  const bins = [...new Set(found.flat())].sort();
  const asked = await Promise.all(bins.map(askApp));
  const before = asked.map(({ pids }) => cpuOf(pids));
  await delay(CPU_MS);
  return asked.map(({ row, pids }, at) => {
    const cpuPercent = Math.round(((cpuOf(pids) - before[at]!) / CPU_MS) * 100);
    return pids.length === 0 ? row : { ...row, cpuPercent };
  });
}

export function describeApps(apps: AppRow[]): string {
  if (apps.length === 0) return "No application is installed there";
  const heads = ["name", "version", "status", "pid", "uptime", "restarts", "cpu", "memory"];
  const rows = apps.map((app) => [
    ...[app.name, app.version ?? "-", app.healthy === false ? "unhealthy" : app.status],
    ...[String(app.pid ?? "-"), app.since === null ? "-" : uptimeText(Date.parse(app.since))],
    ...[String(app.restarts), app.cpuPercent === null ? "-" : `${app.cpuPercent}%`],
    app.rssBytes === 0 ? "-" : bytesText(app.rssBytes),
  ]);
  const problems = apps.flatMap(({ root, problem }) => (problem ? [`${root}: ${problem}`] : []));
  return [...table([heads, ...rows]), ...problems].join("\n");
}

async function binsBelow(folder: string): Promise<string[]> {
  const own = await binOf(folder);
  if (own !== undefined) return [own];
  const names = await readdir(folder).catch(() => []);
  const bins = await Promise.all(names.map((name) => binOf(join(folder, name))));
  return bins.filter((bin) => bin !== undefined);
}

/** Undefined where that is no install root. */
async function binOf(root: string): Promise<string | undefined> {
  const { releaseList, releases } = layoutOf(root, "");
  if (!(await stat(releases).catch(() => undefined))?.isDirectory()) return undefined;
  const name = (await registeredName(releaseList)) ?? (await onlyBin(root));
  if (!isAppName(name)) return undefined;
  // A link beside it (current -> app-2026) is the same one, which knows itself by its own path.
  const { bin } = layoutOf(await realpath(root), name);
  return (await stat(bin).catch(() => undefined))?.isFile() ? bin : undefined;
}

async function registeredName(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch(() => "");
  return jsonIn<{ name?: unknown } | null>(text)?.name;
}

/** It was never started: mix puts files of its own beside, with a dot in their names. */
async function onlyBin(root: string): Promise<string | undefined> {
  const names = await readdir(layoutOf(root, "").binDir).catch(() => []);
  const plain = names.filter((name) => !name.includes("."));
  return plain.length === 1 ? plain[0] : undefined;
}

async function askApp(bin: string): Promise<{ row: AppRow; pids: number[] }> {
  const name = basename(bin);
  const root = dirname(dirname(bin));
  const none: AppRow = {
    ...{ name, root, version: null, status: "unknown", since: null, pid: null, healthy: null },
    ...{ restarts: 0, workers: 0, rssBytes: 0, cpuPercent: null },
  };
  const identity = await identityFor([root, dirname(bin), bin]);
  if (identity === undefined) {
    return { row: { ...none, problem: "others may change it, so it is not asked" }, pids: [] };
  }
  const said = jsonIn<Status | NotRunning | null>(await statusDocument(bin, identity));
  if (typeof said?.status !== "string")
    return { row: { ...none, problem: "it does not answer" }, pids: [] };
  if (!("processes" in said)) {
    return { row: { ...none, version: said.version, status: "stopped" }, pids: [] };
  }
  const slots = said.processes.flatMap((process) => process.slots);
  const sum = (of: (slot: SlotStatus) => number) => slots.reduce((all, slot) => all + of(slot), 0);
  const pid = Number(await readFile(layoutOf(root, name).pid, "utf8").catch(() => ""));
  const row: AppRow = {
    ...{ name, root, version: said.version, status: said.status, since: said.since },
    pid: pid > 0 ? pid : null,
    healthy: slots.every(({ healthy }) => healthy),
    restarts: sum(({ restarts }) => restarts),
    workers: slots.length,
    rssBytes: sum(({ rssBytes }) => rssBytes),
    cpuPercent: null,
  };
  return { row, pids: slots.map((slot) => slot.pid) };
}

/** Root acts as the owner of the first; undefined: anybody else may change what would be run. */
async function identityFor(paths: string[]): Promise<{ uid?: number; gid?: number } | undefined> {
  const own = process.getuid?.();
  const [root, ...below] = await Promise.all(paths.map((path) => stat(path)));
  const { uid, gid } = root!;
  const isOpen = [root!, ...below].some(
    (one) => ![0, uid].includes(one.uid) || (one.mode & 0o002) !== 0,
  );
  if (isOpen) return undefined;
  if (uid === own || uid === 0) return {};
  return own === 0 ? { uid, gid } : undefined;
}

/** Whatever its exit code: 3 says that it does not run. */
function statusDocument(bin: string, identity: object): Promise<string> {
  const { PATH, HOME, LANG } = process.env;
  // Not what belongs to the application that asks.
  const env = { PATH, HOME, LANG };
  const options = {
    ...identity,
    env,
    cwd: "/",
    timeout: ANSWER_MS,
    killSignal: "SIGKILL",
  } as const;
  return new Promise((resolve) => {
    execFile(bin, ["status", "--json"], options, (_error, stdout) => resolve(stdout));
  });
}

const cpuOf = (pids: number[]): number => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
