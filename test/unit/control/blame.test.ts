import assert from "node:assert/strict";
import { test } from "node:test";
import { isOfTheHost } from "../../../src/control/follow/blame.ts";

const failed = (message: string) => isOfTheHost({ code: "TSUGI_LOAD_FAILED", message });

test("a full or a broken disk is the host's, whatever met it; what a release may never do is its own", () => {
  assert.ok(failed("wall 1.1.0 did not load: ENOSPC: no space left on device, write"));
  assert.ok(failed("wall 1.1.0 did not load: EROFS: read-only file system, open '/data/x'"));
  assert.ok(isOfTheHost({ code: "TSUGI_DISK_FULL", message: "" }));
  assert.ok(!failed("wall 1.1.0 did not load: x is not defined"));
  assert.ok(
    !failed(
      "EROFS: read-only file system, mkdir 'uploads': the folder of a version is not written to. In tsugi.config.ts, shared",
    ),
  );
});
