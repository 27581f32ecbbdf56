import assert from "node:assert/strict";
import { test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { Supervisor, type SupervisorParts } from "../../../src/runtime/supervisor/supervisor.ts";

const make = () => new Supervisor({ layout: layoutOf("/nowhere", "app") } as SupervisorParts);

test("a supervisor goes only the ways that are drawn at its head", () => {
  const supervisor = make();
  assert.equal(supervisor.state, "booting");
  assert.throws(() => supervisor.enter("upgrading"), /booting → upgrading/);
  for (const state of ["serving", "upgrading", "replaced", "serving"] as const) {
    supervisor.enter(state);
  }
  supervisor.enter("stopping");
  assert.throws(() => supervisor.enter("serving"), /stopping → serving/);
  assert.equal(supervisor.state, "stopping");
});

test("one that is starting says so to whoever asks for what serves", () => {
  const isStarting = (error: unknown) =>
    error instanceof TsugiError && error.code === "TSUGI_STARTING" && error.exitCode === 3;
  assert.throws(() => make().current, isStarting);
});
