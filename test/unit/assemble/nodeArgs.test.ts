import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ownPreload, placeNodeArgs, readNodeArgs } from "../../../src/assemble/nodeArgs.ts";

describe("node's arguments", () => {
  test("preloads are told apart, in every spelling", () => {
    const { plain, preloads } = readNodeArgs([
      "-r",
      "a",
      "--import=./b.ts",
      "--title",
      "--loader",
      "c",
    ]);
    assert.deepEqual(plain, ["--title"]);
    assert.deepEqual(preloads, [
      { flag: "--require", target: "a" },
      { flag: "--import", target: "./b.ts" },
      { flag: "--loader", target: "c" },
    ]);
    assert.deepEqual(preloads.map(ownPreload), [undefined, "b.ts", undefined]);
  });

  test("without preloads nothing is placed", () => {
    const placed = placeNodeArgs(readNodeArgs(["--x"]), (path) => path);
    assert.deepEqual(placed, { lines: ["--x"], files: [] });
  });
});
