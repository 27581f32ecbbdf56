/** The generated pages are what the code says. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { generatedPages } from "../../scripts/lib/reference.ts";
import { configReference } from "../../src/config/reference.ts";
import { projectRoot } from "../helpers/example.ts";

describe("reference pages", () => {
  for (const [path, text] of Object.entries(generatedPages())) {
    test(`${path} is as the code says (npm run docs writes it)`, () => {
      assert.equal(readFileSync(join(projectRoot, path), "utf8"), text);
    });
  }

  test("every key of the configuration is described", () => {
    const silent = configReference().filter(({ text }) => text === "");
    assert.deepEqual(silent, []);
  });
});
