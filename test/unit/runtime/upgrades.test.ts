import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutOf } from "../../../src/release/layout.ts";
import { Supervisor, type SupervisorParts } from "../../../src/runtime/supervisor/supervisor.ts";
import { Upgrades } from "../../../src/runtime/supervisor/upgrades.ts";

test("whoever asks for an upgrade of what is being stopped hears that", async () => {
  const parts = { layout: layoutOf("/nowhere", "app") } as SupervisorParts;
  const upgrades = new Upgrades(new Supervisor(parts));
  await upgrades.settle();
  const asked = upgrades.run({ version: "1.0.0", options: {} }, () => {});
  await assert.rejects(asked, { code: "TSUGI_STOPPING", exitCode: 3 });
});
