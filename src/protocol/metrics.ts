/** A status and a tally of upgrades as OpenMetrics text (contract/metrics.ts has the rows). */
import { BUCKETS_SECONDS, METRICS, type MetricName, type MetricRow } from "../contract/metrics.ts";
import type { SlotStatus, Status } from "./report.ts";
import type { Histogram, UpgradeTally } from "./upgradeTally.ts";

export const METRICS_MEDIA_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export interface MetricFacts {
  status: Status;
  tally: UpgradeTally;
  tsugiVersion: string;
  supervisorRssBytes: number;
}

/** `suffix`: behind the name, as _bucket. */
type Sample = [labels: Record<string, string>, value: number | undefined, suffix?: string];

const SAMPLES: Record<MetricName, (facts: MetricFacts) => Sample[]> = {
  tsugi_release: ({ status, tsugiVersion }) => {
    const { name, version, releaseId } = status;
    return [[{ name, version, release_id: releaseId, kind: "node", tsugi: tsugiVersion }, 1]];
  },
  tsugi_generation: ({ status }) => [
    [{}, Math.max(...slotsOf(status).map(({ slot }) => slot.generation))],
  ],
  tsugi_serving_since_seconds: ({ status }) => [[{}, Date.parse(status.since) / 1000]],
  tsugi_worker_healthy: perWorker(({ healthy }) => Number(healthy)),
  tsugi_worker_restarts: perWorker(({ restarts }) => restarts),
  tsugi_worker_memory_bytes: perWorker(({ rssBytes }) => rssBytes),
  tsugi_worker_cpu_seconds: perWorker(({ cpuMs }) => inSeconds(cpuMs)),
  tsugi_worker_event_loop_delay_seconds: ({ status }) =>
    slotsOf(status).flatMap(({ labels, slot }): Sample[] => [
      [{ ...labels, quantile: "0.5" }, inSeconds(slot.eventLoop?.p50Ms)],
      [{ ...labels, quantile: "0.99" }, inSeconds(slot.eventLoop?.p99Ms)],
    ]),
  tsugi_worker_connections: perWorker(({ connections }) => connections),
  tsugi_worker_requests: perWorker(({ requests }) => requests),
  tsugi_supervisor_memory_bytes: ({ supervisorRssBytes }) => [[{}, supervisorRssBytes]],
  tsugi_scheduler_use_ratio: () => [],
  tsugi_upgrades: ({ tally }) =>
    [...tally.upgrades.values()].map(({ labels, count }): Sample => [labels, count]),
  tsugi_upgrade_pause_seconds: ({ tally }) => histogram(tally.pause),
  tsugi_upgrade_quiet_seconds: ({ tally }) => histogram(tally.quiet),
  tsugi_upgrade_connections: ({ tally }) =>
    Object.entries(tally.connections).map(([outcome, count]): Sample => [{ outcome }, count]),
  tsugi_upgrade_requests_waited: ({ tally }) => [[{}, tally.requestsWaited]],
  tsugi_upgrade_last_seconds: ({ tally: { lastAt } }) => [
    [{}, lastAt === undefined ? undefined : Date.parse(lastAt) / 1000],
  ],
  tsugi_state_bytes: ({ tally }) =>
    [...tally.stateBytes].map(([state, bytes]): Sample => [{ state }, bytes]),
  tsugi_upgrade_under_way: ({ status }) => [[{}, Number(status.upgrade !== null)]],
  tsugi_leftovers: ({ status }) => [[{}, status.leftovers.length]],
  tsugi_etc_changed: ({ status }) => [[{}, Number(status.etcChanged)]],
  tsugi_log_lines_dropped: ({ status }) => [[{}, status.logDropped]],
};

const SUFFIXES: Partial<Record<MetricRow["type"], string>> = { counter: "_total", info: "_info" };

export function metricsText(facts: MetricFacts): string {
  const families = Object.entries<MetricRow>(METRICS).flatMap(([name, { type, unit, text }]) => {
    const samples = SAMPLES[name as MetricName](facts).filter(([, value]) => value !== undefined);
    if (samples.length === 0) return [];
    return [
      `# TYPE ${name} ${type}`,
      ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
      `# HELP ${name} ${text}.`,
      ...samples.map(
        ([labels, value, suffix = SUFFIXES[type] ?? ""]) =>
          `${name}${suffix}${labelsText(labels)} ${value}`,
      ),
    ];
  });
  return [...families, "# EOF", ""].join("\n");
}

function perWorker(of: (slot: SlotStatus) => number | undefined) {
  return ({ status }: MetricFacts): Sample[] =>
    slotsOf(status).map(({ labels, slot }) => [labels, of(slot)]);
}

const slotsOf = (status: Status) =>
  status.processes.flatMap(({ name, slots }) =>
    slots.map((slot, index) => ({ labels: { process: name, slot: String(index) }, slot })),
  );

const histogram = ({ counts, count, sumSeconds }: Histogram): Sample[] => [
  ...BUCKETS_SECONDS.map((le, at): Sample => [{ le: String(le) }, counts[at], "_bucket"]),
  [{ le: "+Inf" }, count, "_bucket"],
  [{}, count, "_count"],
  [{}, sumSeconds, "_sum"],
];

const inSeconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);

function labelsText(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const escaped = (value: string) =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
