/** What `status --watch` shows of one application: its workers, and how the last upgrade went. */
import { table } from "../../protocol/columns.ts";
import type { Glance } from "../../protocol/documents.ts";
import { type WatchedWorker, watchedWorkers } from "../../protocol/glance.ts";
import type { Status, UpgradeReport } from "../../protocol/report.ts";
import { wrapLines } from "../../protocol/wrap.ts";
import { bytesText, msText, uptimeText } from "../output.ts";
import { statusRemarks } from "../statusText.ts";

const WIDTH = 80;

export function pictureOf(before: Glance | undefined, now: Glance): string {
  const { status, lastUpgrade } = now;
  const lines =
    "processes" in status
      ? [headOf(status, now.at), workersTable(watchedWorkers(before, now))]
      : [wrapLines(status.error.message, WIDTH)];
  const remarks = "processes" in status ? statusRemarks(status) : [];
  return [...lines, ...remarks, ...upgradeLines(lastUpgrade)].join("\n");
}

const headOf = ({ name, version, status, since }: Status, at: string): string =>
  `${name} ${version}, ${status} for ${uptimeText(Date.parse(since))}  ·  ${at.slice(11, 19)} UTC`;

interface Column {
  head: string;
  /** Undefined: nobody says so of this worker. */
  cell: (watched: WatchedWorker) => string | undefined;
}

/** What no worker has is left out: 80 columns. */
const COLUMNS: readonly Column[] = [
  { head: "worker", cell: ({ worker }) => worker },
  { head: "pid", cell: ({ slot }) => (isDown(slot) ? "-" : String(slot.pid)) },
  { head: "restarts", cell: ({ slot }) => String(slot.restarts) },
  { head: "cpu", cell: ({ pace }) => withUnit(pace.cpuPercent, "%") ?? "-" },
  { head: "memory", cell: ({ slot }) => (isDown(slot) ? "-" : bytesText(slot.rssBytes)) },
  { head: "loop p50/p99", cell: ({ slot }) => delayText(slot) },
  { head: "open", cell: ({ slot }) => withUnit(slot.connections) },
  { head: "req/s", cell: ({ slot, pace }) => requestsText(slot, pace) },
  { head: "health", cell: ({ slot }) => healthText(slot) },
];

type Slot = WatchedWorker["slot"];

const isDown = ({ crash }: Slot): boolean => crash?.nextAt !== undefined;

const withUnit = (value: number | null | undefined, unit = ""): string | undefined =>
  value === null || value === undefined ? undefined : `${value}${unit}`;

function delayText({ eventLoop }: Slot): string | undefined {
  if (eventLoop === undefined) return undefined;
  const { p50Ms, p99Ms } = eventLoop;
  return `${inMs(p50Ms)}/${inMs(p99Ms)} ms`;
}

const inMs = (ms: number): string => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms)));

const requestsText = ({ requests }: Slot, { requestsPerSecond }: WatchedWorker["pace"]) =>
  requests === undefined ? undefined : (withUnit(requestsPerSecond) ?? "-");

function healthText(slot: Slot): string {
  if (isDown(slot)) return "down";
  return slot.healthy ? "ok" : "unhealthy";
}

function workersTable(workers: WatchedWorker[]): string {
  const columns = COLUMNS.filter(({ cell }) => workers.some((worker) => cell(worker)));
  const heads = columns.map(({ head }) => head);
  return table([
    heads,
    ...workers.map((worker) => columns.map(({ cell }) => cell(worker) ?? "-")),
  ]).join("\n");
}

function upgradeLines(report: UpgradeReport | null): string[] {
  if (report === null) return ["", "No upgrade yet"];
  const { from, to, strategy, result, at, pauseMs, connections, error } = report;
  const { carried, drained, lost } = connections;
  return [
    "",
    `Last upgrade ${from} → ${to} by ${strategy}, ${uptimeText(Date.parse(at))} ago: ${result}`,
    ...(error === undefined ? [] : [wrapLines(`  ${error.message}`, WIDTH)]),
    `  pause        ${pauseMs > 0 ? msText(pauseMs) : "none"}`,
    `  connections  ${carried} carried, ${drained} drained, ${lost} lost`,
  ];
}
