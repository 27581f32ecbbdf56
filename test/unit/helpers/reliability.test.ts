import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  MACHINES,
  machine,
  RELIABILITY_PAGE,
  rowsOf,
  sectionsOf,
  withSection,
} from "../../../scripts/lib/reliability.ts";
import { projectRoot } from "../../helpers/example.ts";

const page = "# Page\n\nprose\n\n<!-- a: -->\nold\n<!-- /a -->\n\n<!-- b: -->\nkept\n<!-- /b -->\n";
const section = { name: "a", command: "npm run a -- --write", body: "| x |\n" };

describe("a section of docs/reliability.md", () => {
  test("is replaced; everything around it stays", () => {
    const written = withSection(page, section);
    assert.ok(
      written.startsWith("# Page\n\nprose\n\n<!-- a: written by `npm run a -- --write` -->"),
    );
    assert.ok(written.includes("\n\n| x |\n\n<!-- /a -->\n\n<!-- b: -->\nkept\n<!-- /b -->\n"));
    assert.ok(!written.includes("old"));
  });

  test("written again is the same", () => {
    const once = withSection(page, section);
    assert.equal(withSection(once, section), once);
  });

  test("says what came out of the rows that are not run again", () => {
    const body =
      "| project | day |\n| --- | --- |\n| One | 1 |\n| One, too | not run |\n\n| a | b |";
    const written = withSection(page, { ...section, body });
    const rows = new Map([
      ["One", "| One | 1 |"],
      ["One, too", "| One, too | not run |"],
    ]);
    assert.deepEqual(rowsOf("a", "| project | day |", written), rows);
    assert.deepEqual(rowsOf("a", "| project | other |", written), new Map());
    assert.deepEqual(rowsOf("b", "| project | day |", written), new Map());
  });

  test("that the page has no markers for is an error", () => {
    assert.throws(() => withSection(page, { ...section, name: "c" }), /no section/);
  });

  test("has a machine, and every machine has one; it is one of the long ones", () => {
    const text = readFileSync(RELIABILITY_PAGE, "utf8");
    assert.deepEqual(sectionsOf(text), Object.keys(MACHINES));
    const listed = execFileSync(process.execPath, ["scripts/long.mjs"], { cwd: projectRoot });
    const names: string[] = listed.toString().match(/^[a-z:]+$/gm) ?? [];
    for (const [name] of Object.values(MACHINES)) assert.ok(names.includes(name!), name);
    for (const name of Object.keys(MACHINES)) {
      assert.ok(withSection(text, { name, command: "x", body: "y" }).includes("\n\ny\n\n"));
    }
  });

  test("says on which machine, and when", () => {
    assert.match(machine(new Date(0)), /^1970-01-01, \S+ .* GB, Node \d+/);
  });

  test("has both of its markers in the page", () => {
    const text = readFileSync(RELIABILITY_PAGE, "utf8");
    for (const [, name] of text.matchAll(/<!-- ([a-z]+): /g)) {
      assert.ok(text.includes(`<!-- /${name} -->`), name);
    }
  });
});
