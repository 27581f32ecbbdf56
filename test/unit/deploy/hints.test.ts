import assert from "node:assert/strict";
import { test } from "node:test";
import { hintFromAfar } from "../../../src/deploy/host.ts";
import { layoutOf } from "../../../src/release/layout.ts";

test("what a host says to type there is what is typed here", () => {
  const layout = layoutOf("/srv/wall", "wall");
  const hint = (text: string) => hintFromAfar(text, layout, "production", "app1");
  assert.equal(
    hint("The log has it: /srv/wall/bin/wall logs · see it: bin/<app> status"),
    "The log has it: tsugi logs production --host app1 · see it: tsugi status production",
  );
  const prune = "Make room: tsugi exec production --host app1 -- bin/wall prune --keep 2";
  assert.equal(hint("Make room: /srv/wall/bin/wall prune --keep 2"), prune);
});
