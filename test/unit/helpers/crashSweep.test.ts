import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { canHappen, FAULTS, type Outcome } from "../../helpers/crash/cell.ts";
import { nameOf } from "../../helpers/crash/outcome.ts";
import { SCENARIOS } from "../../helpers/crash/scenarios.ts";
import type { Instant, Survey } from "../../helpers/crash/survey.ts";
import { allCells, cellOf, sampleOf } from "../../helpers/crash/sweep.ts";
import { markdownTables, summary } from "../../helpers/crash/table.ts";

const instant = (label: string, present: Instant["present"], time = 1): Instant => {
  return { label, time, index: 0, holder: "supervisor", present };
};
const survey: Survey = {
  scenario: SCENARIOS[0]!,
  instants: [
    instant("upgrade:load", ["supervisor", "old-worker", "control"]),
    instant("releases:write", ["supervisor", "new-worker"], 2),
  ],
};

describe("the crash sweep", () => {
  test("has a cell for every fault that can happen at an instant", () => {
    assert.deepEqual(
      allCells([survey]).map((cell) => nameOf(cellOf(cell))),
      [
        "handoff upgrade:load × supervisor",
        "handoff upgrade:load × old-worker",
        "handoff upgrade:load × control",
        "handoff upgrade:load × eio",
        "handoff upgrade:load × full-disk",
        "handoff releases:write#2 × supervisor",
        "handoff releases:write#2 × new-worker",
        "handoff releases:write#2 × eio",
        "handoff releases:write#2 × full-disk",
        "handoff releases:write#2 × torn",
      ],
    );
  });

  test("nothing fails where a process can only die", () => {
    const thaw = instant("upgrade:thaw", ["supervisor"]);
    assert.deepEqual(
      FAULTS.filter((fault) => canHappen(fault, thaw)),
      ["supervisor", "full-disk"],
    );
  });

  test("the same seed takes the same sample, another one another", () => {
    const cells = Array.from({ length: 100 }, (_, index) => index);
    assert.deepEqual(sampleOf(cells, 10, 3), sampleOf(cells, 10, 3));
    assert.notDeepEqual(sampleOf(cells, 10, 3), sampleOf(cells, 10, 4));
    assert.equal(new Set(sampleOf(cells, 10, 3)).size, 10);
  });

  test("its table has a row for each instant, and a dash where a fault can't happen", () => {
    const cell = { scenario: "handoff", label: "releases:write", problems: [], ms: 1 };
    const outcomes: Outcome[] = [
      { ...cell, time: 1, fault: "eio", outcome: "old" },
      { ...cell, time: 2, fault: "eio", outcome: "new" },
      { ...cell, time: 2, fault: "torn", outcome: "old, started again" },
    ];
    const table = markdownTables(outcomes)
      .split("\n")
      .filter((line) => line.startsWith("|"));
    assert.deepEqual(table, [
      "| label | EIO | torn write |",
      "|---|---|---|",
      "| `releases:write` | old | – |",
      "| `releases:write#2` | new | old, started again |",
    ]);
    assert.match(summary(outcomes), /^FAIL: 0$/m);
  });
});
