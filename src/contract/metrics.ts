/**
 * What `bin/<app> metrics` shows, in OpenMetrics' words. A metric is a row here; its values come from
 * protocol/metrics.ts on a host of Node, from tsugi_metrics.erl (by priv/metrics.json) on one of Erlang.
 */
import type { HostKind } from "./commands/define.ts";

export interface MetricRow {
  /** A counter's samples have _total behind the name, an info's _info. */
  type: "gauge" | "counter" | "histogram" | "summary" | "info";
  /** What the name ends with, where it is a quantity. */
  unit?: "seconds" | "bytes" | "ratio";
  text: string;
  /** The only kind of host that has it. */
  only?: HostKind;
}

const rows = <const T extends Record<`tsugi_${string}`, MetricRow>>(table: T): T => table;

export const METRICS = rows({
  tsugi_release: { type: "info", text: "The release that serves" },
  tsugi_generation: { type: "gauge", text: "Which one serves, counted from the start" },
  tsugi_serving_since_seconds: {
    type: "gauge",
    unit: "seconds",
    text: "Unix time since when this release serves",
  },
  tsugi_worker_healthy: { type: "gauge", text: "1 where it answers and hot.health is content" },
  tsugi_worker_restarts: { type: "counter", text: "Crashes, since this release serves" },
  tsugi_worker_memory_bytes: { type: "gauge", unit: "bytes", text: "Resident memory" },
  tsugi_worker_cpu_seconds: { type: "counter", unit: "seconds", text: "Processor time" },
  tsugi_worker_event_loop_delay_seconds: {
    type: "summary",
    unit: "seconds",
    text: "How late the event loop was, since the last time that somebody asked",
    only: "node",
  },
  tsugi_worker_connections: { type: "gauge", text: "Open at its servers", only: "node" },
  tsugi_worker_requests: {
    type: "counter",
    text: "Answered, where hot.health returns { requests }",
    only: "node",
  },
  tsugi_supervisor_memory_bytes: {
    type: "gauge",
    unit: "bytes",
    text: "Resident memory of the supervisor",
    only: "node",
  },
  tsugi_scheduler_use_ratio: {
    type: "gauge",
    unit: "ratio",
    text: "How busy the VM's schedulers are, 0 to 1",
    only: "beam",
  },
  tsugi_upgrades: { type: "counter", text: "In log/upgrades.jsonl; a reload is one to the same" },
  tsugi_upgrade_pause_seconds: {
    type: "histogram",
    unit: "seconds",
    text: "Of upgrades that were not refused: from the freeze until somebody serves",
  },
  tsugi_upgrade_quiet_seconds: {
    type: "histogram",
    unit: "seconds",
    text: "Of upgrades that carried connections: the longest that one of them was unread",
  },
  tsugi_upgrade_connections: { type: "counter", text: "What upgrades did to connections" },
  tsugi_upgrade_requests_waited: { type: "counter", text: "Requests held back by a pause" },
  tsugi_upgrade_last_seconds: {
    type: "gauge",
    unit: "seconds",
    text: "Unix time of the last upgrade's begin",
  },
  tsugi_state_bytes: { type: "gauge", unit: "bytes", text: "When it was carried last" },
  tsugi_upgrade_under_way: {
    type: "gauge",
    text: "1 while there is an upgrade, or an install waits",
  },
  tsugi_leftovers: { type: "gauge", text: "What of old generations still runs" },
  tsugi_etc_changed: { type: "gauge", text: "1 where etc/ differs from what was started with" },
  tsugi_log_lines_dropped: { type: "counter", text: "Lost to a full disk or a slow reader" },
});

export type MetricName = keyof typeof METRICS;

/** Of histograms: up to how many seconds. */
export const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
