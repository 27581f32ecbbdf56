/** `tsugi status --watch`: each host's own `bin/<app> status --watch`, side by side. */

import { setTimeout as delay } from "node:timers/promises";
import { jsonIn } from "../contract/checks.ts";
import { type ErrorJson, errorToJson } from "../contract/errors.ts";
import { bytesText, uptimeText } from "../control/output.ts";
import { showUntilEnded } from "../control/watch/screen.ts";
import type { Host } from "../deploy/index.ts";
import { table } from "../protocol/columns.ts";
import type { Glance } from "../protocol/documents.ts";
import { type WatchedWorker, watchedWorkers } from "../protocol/glance.ts";
import { wholeLines } from "../protocol/wholeLines.ts";
import type { HostGlance } from "./documents.ts";
import { followHost } from "./followHost.ts";
import { hostProblem, wantsJson } from "./output.ts";

/** Each host says something every second. */
const QUIET_MS = 15_000;
const AGAIN_MS = 2_000;

/** What was heard of a host. */
interface Seen {
  host: string;
  before?: Glance;
  now?: Glance;
  /** It can't be watched at the moment. */
  error?: ErrorJson;
}

export async function watchFleet(hosts: Host[]): Promise<void> {
  const end = new AbortController();
  const json = wantsJson();
  const seen = hosts.map((host): Seen => ({ host: host.name }));
  const attending = hosts.map((host, at) => attend(host, seen[at]!, end.signal));
  const read = async () => (json ? documentsOf(seen) : pictureOf(seen).join("\n"));
  await showUntilEnded(read, { asLines: json });
  end.abort();
  await Promise.all(attending);
}

/** Until the end; a host that can't be reached is tried again. */
async function attend(host: Host, seen: Seen, signal: AbortSignal): Promise<void> {
  const argv = host.command("status", "--watch", "--json");
  while (!signal.aborted) {
    const { push: onStdout } = wholeLines((line) => hear(seen, line));
    await followHost(host, "watching it", argv, { onStdout, signal, quietMs: QUIET_MS }).catch(
      (error: unknown) => {
        seen.error = errorToJson(error);
      },
    );
    await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
  }
}

function hear(seen: Seen, line: string): void {
  const now = jsonIn<Glance>(line);
  // What is no document is a word of a shell's there.
  if (now === undefined) return;
  if (seen.now !== undefined) seen.before = seen.now;
  seen.now = now;
  delete seen.error;
}

/** What is not known of a host yet is left out. */
const documentsOf = (seen: Seen[]): string =>
  seen
    .flatMap(({ host, now, error }): HostGlance[] => {
      if (error !== undefined) return [{ host, error }];
      return now === undefined ? [] : [{ host, ...now }];
    })
    .map((glance) => JSON.stringify(glance))
    .join("\n");

const HEADS = ["host", "version", "health", "since", "cpu", "memory", "loop p99", "open", "pause"];

function pictureOf(seen: Seen[]): string[] {
  const rows = seen.map((one) => [one.host, ...cellsOf(one)]);
  return [...table([HEADS, ...rows]), ...seen.flatMap(remarks)];
}

function cellsOf({ before, now, error }: Seen): string[] {
  const rest = (health: string, version = "") => [version, health, ...Array(6).fill("")];
  if (error !== undefined) return rest("unreachable");
  if (now === undefined) return rest("asking");
  const { status, lastUpgrade } = now;
  if (!("processes" in status)) {
    return "status" in status ? rest(status.status, status.version ?? "") : rest("no answer");
  }
  const workers = watchedWorkers(before, now);
  const pause = lastUpgrade === null ? "" : `${Math.round(lastUpgrade.pauseMs)} ms`;
  const isWell = workers.every(({ slot }) => slot.healthy);
  return [
    ...[status.version, isWell ? "ok" : "unhealthy", uptimeText(Date.parse(status.since))],
    ...[cpuText(workers), bytesText(sum(workers, ({ slot }) => slot.rssBytes))],
    ...[delayText(workers), openText(workers), pause],
  ];
}

const sum = (workers: WatchedWorker[], of: (worker: WatchedWorker) => number): number =>
  workers.reduce((all, worker) => all + of(worker), 0);

function cpuText(workers: WatchedWorker[]): string {
  if (workers.some(({ pace }) => pace.cpuPercent === null)) return "-";
  return `${sum(workers, ({ pace }) => pace.cpuPercent ?? 0)}%`;
}

/** The slowest of its workers. */
function delayText(workers: WatchedWorker[]): string {
  const delays = workers.flatMap(({ slot }) => slot.eventLoop?.p99Ms ?? []);
  return delays.length === 0 ? "-" : `${Math.max(...delays).toFixed(1)} ms`;
}

const openText = (workers: WatchedWorker[]): string =>
  String(sum(workers, ({ slot }) => slot.connections ?? 0));

function remarks({ host, now, error }: Seen): string[] {
  if (error !== undefined) return [hostProblem(host, error)];
  const status = now?.status;
  if (status === undefined || !("processes" in status)) return [];
  const { upgrade, etcChanged, leftovers } = status;
  return [
    ...(upgrade ? [`${host}: upgrade to ${upgrade.to}: ${upgrade.step}`] : []),
    ...(etcChanged ? [`${host}: etc/ has changed`] : []),
    ...(leftovers.length > 0 ? [`${host}: still running of old: ${leftovers.join(", ")}`] : []),
  ];
}
