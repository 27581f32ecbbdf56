import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanRecorder, type TraceSpan } from "../../../src/cli/traces/spans.ts";
import type { DeployResult } from "../../../src/deploy/index.ts";
import { viewFactsOf } from "../../helpers/viewFacts.ts";

const report = viewFactsOf(1).hosts[0]!.upgrades.at(-1)!;

const outline = ({ name, children }: TraceSpan): unknown =>
  children.length === 0 ? name : { [name]: children.map(outline) };

test("a deploy is hosts with their steps, and an upgrade has the steps of its report", () => {
  const recorder = new SpanRecorder(1_000);
  recorder.hear({ event: "step", host: "web1", step: "facts", state: "begin" }, 1_100);
  recorder.hear({ event: "step", host: "web1", step: "facts", state: "end", ms: 200 }, 1_300);
  recorder.hear({ event: "step", host: "web1", step: "upgrade", state: "begin" }, 2_000);
  recorder.hear({ event: "step", host: "web1", step: "upgrade", state: "end", ms: 1_800 }, 3_800);
  const outcome = { host: "web1", action: "upgrade", from: "1.2.0", result: "done" } as const;
  const result: DeployResult = {
    ...{ environment: "production", name: "wall", version: "2.0.0", ms: 2_900 },
    hosts: [{ ...outcome, report, sentBytes: 0, ms: 1_800 }],
  };
  const span = recorder.end("deploy", 3_900, result);
  assert.deepEqual(outline(span), {
    "deploy wall 2.0.0": [{ web1: ["facts", { upgrade: report.steps.map(({ name }) => name) }] }],
  });
  const [host] = span.children;
  assert.deepEqual([host!.startMs, host!.endMs], [1_100, 3_800]);
  const upgrade = host!.children[1]!;
  assert.equal(upgrade.attributes["tsugi.pause_ms"], report.pauseMs);
  const [load, rehearse] = upgrade.children;
  assert.deepEqual([load!.startMs, load!.endMs], [2_000, 2_486]);
  assert.equal(rehearse!.startMs, load!.endMs);
});

test("what failed is said of the step, of the host and of the deploy", () => {
  const recorder = new SpanRecorder(0);
  const error = { code: "TSUGI_HOST_FAILED", message: "no room", hint: "", exitCode: 1 } as const;
  recorder.hear({ event: "step", host: "web1", step: "send", state: "begin" }, 10);
  recorder.hear({ event: "step", host: "web1", step: "send", state: "failed", ms: 5, error }, 15);
  const span = recorder.end("deploy", 20, undefined, "nothing was changed");
  assert.deepEqual([span.name, span.error], ["deploy", "nothing was changed"]);
  assert.equal(span.children[0]!.children[0]!.error, "no room");
});
