import assert from "node:assert/strict";
import { test } from "node:test";
import { inSandbox } from "../../helpers/story.ts";

test("what stands for a page's port is not replaced once more, whatever digits it has", () => {
  const replace: [string, string][] = [
    ["4000", "14001"],
    ["4001", "18746"],
  ];
  const text = inSandbox("listens on 4000, then on 4001", { home: "/", env: {}, replace });
  assert.equal(text, "listens on 14001, then on 18746");
});
