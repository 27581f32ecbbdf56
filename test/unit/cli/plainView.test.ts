import assert from "node:assert/strict";
import { test } from "node:test";
import { PlainView } from "../../../src/cli/deployView/plain.ts";
import type { DeployResult } from "../../../src/deploy/index.ts";

class ReadView extends PlainView {
  readonly lines: string[] = [];
  protected override print(text: string): void {
    this.lines.push(text);
  }
}

const result = (host: object): DeployResult =>
  ({
    ...{ environment: "production", name: "wall", version: "1.1.0", ms: 900 },
    hosts: [{ host: "web1", from: "1.0.0", result: "done", sentBytes: 0, ms: 900, ...host }],
  }) as DeployResult;

test("after a deploy that has upgraded somebody, the page of it is named", () => {
  const view = new ReadView(["web1"]);
  const report = { pauseMs: 12, quietMs: { p50: 0, p99: 0, max: 0 }, strategy: "handoff" };
  const connections = { carried: 1, drained: 0, lost: 0 };
  view.end(result({ action: "upgrade", report: { ...report, connections } }));
  assert.equal(view.lines.at(-1), "How that went, as a page: tsugi view production");
  const first = new ReadView(["web1"]);
  first.end(result({ action: "install", from: null }));
  assert.ok(!first.lines.join().includes("tsugi view"), first.lines.join("\n"));
});

test("where the old version does not serve either, that is what the table says", () => {
  const view = new ReadView(["web1"]);
  view.end(result({ action: "upgrade", result: "failed", isStopped: true }));
  assert.match(view.lines.join("\n"), /web1 +1\.0\.0 +nothing +failed/);
});
