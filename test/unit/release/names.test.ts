import assert from "node:assert/strict";
import { test } from "node:test";
import { isAppName, isVersionName } from "../../../src/release/names.ts";

test("a name of an app or a version can't leave the folder that it names", () => {
  for (const bad of ["", ".", "..", "../x", "a/b", ".hidden", "a b", "a\n", "a\0", null, 1]) {
    assert.ok(!isAppName(bad), JSON.stringify(bad));
    assert.ok(!isVersionName(bad), JSON.stringify(bad));
  }
  for (const version of ["1.2.3", "1.2.0+45.ab12cd34", "2.0.0-rc.1", "7", "v1_2"]) {
    assert.ok(isVersionName(version), version);
  }
  for (const name of ["wall", "_x", "admiral-stats-api", "a.b"]) assert.ok(isAppName(name), name);
});
