/** The parts of the bench, in the order in which they are run. */
import { compileTime } from "./against/compileTime.ts";
import { delta } from "./against/delta.ts";
import { deploy } from "./against/deploy.ts";
import { genServer } from "./against/genServer.ts";
import { registry } from "./against/registry.ts";
import { releaseHandler } from "./against/releaseHandler.ts";

import { socketIo } from "./against/socketIo.ts";
import { state } from "./against/state.ts";
import { swap } from "./against/swap.ts";
import { webSockets } from "./against/webSockets.ts";
import type { Bench } from "./lib/bench.ts";
import type { Result } from "./lib/result.ts";
import type { Measure } from "./lib/section.ts";
import { build } from "./sideBySide/build.ts";
import { memory } from "./sideBySide/memory.ts";
import { startUp } from "./sideBySide/startUp.ts";
import { throughput } from "./sideBySide/throughput.ts";
import { upgrade } from "./sideBySide/upgrade.ts";

interface Part {
  /** Of its own table; a part without one is rows of the one table. */
  title?: string;
  measure: Measure;
}

const against = (title: string, run: (bench: Bench) => Promise<Result[]>): Part => ({
  title,
  measure: async (bench) => ({ results: await run(bench) }),
});

export const PARTS: Record<string, Part> = {
  throughput: { measure: throughput },
  memory: { measure: memory },
  upgrade: { measure: upgrade },
  startup: { measure: startUp },
  build: { measure: build },
  compile: against("tsugi release of the example, against compiling it alone", compileTime),
  websockets: against("A handoff with many open WebSockets", webSockets),
  socketio: against("1,000 clients of Socket.IO, and a new version: against pm2 reload", socketIo),
  state: against("State in a handoff, against v8.serialize and deserialize alone", state),
  swap: against("Swapping in place, by what the process has", swap),
  otp: against("A swap and a handoff, against a GenServer upgraded by OTP", genServer),
  beam: against("An Elixir release, against release_handler alone", releaseHandler),
  delta: against("What a delta moves, against zstd --patch-from, which knows both", delta),
  registry: against("Into a registry and out of it, against skopeo's copies", registry),
  deploy: against("A one-line change over ssh, against rsync and a restart", deploy),
};
