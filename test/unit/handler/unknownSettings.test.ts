import assert from "node:assert/strict";
import { test } from "node:test";
import { unknownSettings } from "../../../src/handler/unknownSettings.ts";
import { DEFAULT_SETTINGS } from "../../../src/protocol/settings.ts";

test("a key that no row has is told with the nearest one, where one is near", () => {
  assert.deepEqual(unknownSettings("f", DEFAULT_SETTINGS), []);
  assert.deepEqual(unknownSettings("f", { health: { pth: "/x" }, Logs: {}, whatever: 1 }), [
    "f: health.pth is not known; did you mean path?",
    "f: Logs is not known; did you mean logs?",
    "f: whatever is not known",
  ]);
});
