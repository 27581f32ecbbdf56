import assert from "node:assert/strict";
import { test } from "node:test";
import { commandAsOwner } from "../../../src/deploy/remote/asOwner.ts";
import { inRoot } from "../../../src/deploy/remote/runScripts.ts";
import { withEnv } from "../../../src/deploy/remote/scripts.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { commandText } from "../../../src/transport/patience.ts";

test("a command of bin/<app> that is cut off is called as a person would type it", () => {
  const layout = layoutOf("/srv/wall", "wall");
  const upgrade = commandAsOwner(layout.root, [layout.bin, "upgrade", "1.2.0", "--json"]);
  assert.equal(commandText(upgrade), "bin/wall upgrade 1.2.0");
  assert.equal(commandText(withEnv(layout, "keep", upgrade)), "bin/wall upgrade 1.2.0");
});

test("what is called by no script stays as it is", () => {
  assert.equal(commandText(["seq", "1000"]), "seq 1000");
  const own = commandText(inRoot("/srv/wall", ["df", "-h", "."]));
  assert.ok(own.endsWith("df -h ."), own);
});
