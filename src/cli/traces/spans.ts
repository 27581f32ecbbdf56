/** A deploy as spans: hosts, their steps, and in the upgrade of a host the steps of its report. */
import { defined } from "../../contract/checks.ts";
import type { DeployEvent, DeployResult, HostOutcome } from "../../deploy/index.ts";
import type { UpgradeReport } from "../../protocol/report.ts";

export interface TraceSpan {
  name: string;
  startMs: number;
  endMs: number;
  attributes: Record<string, string | number>;
  /** What went wrong. */
  error?: string;
  children: TraceSpan[];
}

type StepEvent = Extract<DeployEvent, { event: "step" }>;

/** Whose report of the host's says what went on in them. */
const WITH_REPORT = new Set(["upgrade", "reload", "rollback"]);

/** Hears a deploy from its begin on. Times are those of the clock here: a host's may be another. */
export class SpanRecorder {
  readonly #startMs: number;
  readonly #begun = new Map<string, number>();
  readonly #steps = new Map<string, TraceSpan[]>();

  constructor(nowMs: number) {
    this.#startMs = nowMs;
  }

  hear(event: DeployEvent, nowMs: number): void {
    if (event.event === "step") this.#hearStep(event, nowMs);
  }

  #hearStep(event: StepEvent, nowMs: number): void {
    const { host, step } = event;
    const key = `${host} ${step}`;
    if (event.state === "begin") {
      this.#begun.set(key, nowMs);
      return;
    }
    const span: TraceSpan = {
      name: step,
      startMs: this.#begun.get(key) ?? nowMs - event.ms,
      endMs: nowMs,
      attributes: {},
      ...(event.state === "failed" ? { error: event.error.message } : {}),
      children: [],
    };
    this.#steps.set(host, [...(this.#steps.get(host) ?? []), span]);
  }

  /** `result` is undefined where it ended by an error before any host was changed. */
  end(what: string, nowMs: number, result: DeployResult | undefined, error?: string): TraceSpan {
    const outcomes = new Map(result?.hosts.map((outcome) => [outcome.host, outcome]));
    const children = [...this.#steps].map(([host, steps]) =>
      hostSpan(host, steps, outcomes.get(host)),
    );
    const problem = error ?? result?.error?.message;
    return {
      name: result === undefined ? what : `${what} ${result.name} ${result.version}`.trim(),
      startMs: this.#startMs,
      endMs: nowMs,
      attributes: result ? { "deployment.environment.name": result.environment } : {},
      ...defined({ error: problem }),
      children,
    };
  }
}

function hostSpan(host: string, steps: TraceSpan[], outcome: HostOutcome | undefined): TraceSpan {
  const { report, result, from, error } = outcome ?? {};
  const told = steps.findLast(({ name }) => WITH_REPORT.has(name));
  return {
    name: host,
    startMs: Math.min(...steps.map(({ startMs }) => startMs)),
    endMs: Math.max(...steps.map(({ endMs }) => endMs)),
    attributes: {
      "host.name": host,
      ...defined({ "tsugi.from": from ?? undefined, "tsugi.result": result }),
    },
    ...defined({ error: error?.message }),
    children: steps.map((step) => (step === told && report ? withReport(step, report) : step)),
  };
}

/** A step of the report begins as the one before it ends. */
function withReport(step: TraceSpan, report: UpgradeReport): TraceSpan {
  const { from, to, strategy, result, pauseMs, connections, requests, error } = report;
  let startMs = step.startMs;
  const children = report.steps.map(({ name, ms, failed }): TraceSpan => {
    const endMs = startMs + ms;
    const problem = failed ? { error: error?.message ?? `${name} failed` } : {};
    const span = { name, startMs, endMs, attributes: {}, ...problem, children: [] };
    startMs = endMs;
    return span;
  });
  return {
    ...step,
    endMs: Math.max(step.endMs, startMs),
    attributes: {
      ...{ "tsugi.from": from, "tsugi.to": to, "tsugi.strategy": strategy },
      ...{ "tsugi.result": result, "tsugi.pause_ms": pauseMs },
      "tsugi.connections.carried": connections.carried,
      "tsugi.connections.drained": connections.drained,
      "tsugi.connections.lost": connections.lost,
      "tsugi.requests.waited": requests.waited,
    },
    children,
  };
}
