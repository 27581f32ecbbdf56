import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PAGE, type Results, readResults, renderPage } from "../../../bench/lib/page.ts";
import type { Recorded } from "../../../bench/lib/section.ts";
import { markdownRows } from "../../../bench/lib/table.ts";

test("docs/benchmarks.md is what bench/results.json makes of it: nobody writes numbers by hand", () => {
  const page = readFileSync(PAGE, "utf8");
  assert.equal(page, renderPage(page, readResults()!), "npm run bench -- --write");
});

test("the page names no place and nobody", () => {
  assert.doesNotMatch(readFileSync(PAGE, "utf8"), /\/(root|home|tmp|work)\//);
});

const marks = ["machine", "table", "rivals"].map((name) => `<!-- ${name}: -->\n<!-- /${name} -->`);
const recorded: Recorded = { rows: [], results: [], tookSeconds: 60, date: "2026-11-23" };
const resultsWith = (sections: Results["sections"]): Results => ({
  machine: "2 × CPU",
  versions: { PM2: "7.0.4" },
  sections,
});

test("a section that has failed is named on the page, with its reason", () => {
  const failed = { ...recorded, failure: "no route to npm" };
  const page = renderPage(marks.join("\n"), resultsWith({ throughput: failed, delta: failed }));
  assert.match(page, /\*\*`throughput` failed in this run\*\*: no route to npm/);
  assert.match(page, /\*\*`delta` failed in this run\*\*: no route to npm/);
});

test("aims that were missed stand before all tables", () => {
  const result = { what: "pause", tsugi: "30 ms", against: "", outcome: "", aim: "<= 20 ms" };
  const results = [
    { ...result, reached: false },
    { ...result, what: "rate", reached: true },
  ];
  const page = renderPage(marks.join("\n"), resultsWith({ swap: { ...recorded, results } }));
  assert.match(page, /\*\*1 of 2 aims [^\n]* Not met:\n\n- pause: 30 ms; the aim was <= 20 ms\n/);
});

test("what people wrote around the markers stays", () => {
  const page = renderPage(`before\n${marks.join("\nbetween\n")}\nafter`, resultsWith({}));
  assert.match(page, /^before\n[\s\S]*\nbetween\n[\s\S]*\nafter$/);
});

test("a page without a marker is an error, not a page without numbers", () => {
  assert.throws(() => renderPage(marks.slice(1).join("\n"), resultsWith({})), /machine/);
});

test("the same reason has the same mark, and a cell without a number has a dash", () => {
  const nothing = { note: "no such thing" };
  const cells = { tsugi: { text: "1 ms" }, node: nothing, pm2: nothing, nginx: nothing };
  const otp = { text: "2 ms ×2.00", note: "another language" };
  const table = markdownRows([
    { what: "pause", meaning: "longest", cells: { ...cells, otp }, isFailure: false },
  ]);
  assert.match(table, /\| pause \| 1 ms \| –¹ \| –¹ \| –¹ \| 2 ms ×2\.00² \|/);
  assert.match(table, /¹ no such thing {2}\n² another language/);
});
