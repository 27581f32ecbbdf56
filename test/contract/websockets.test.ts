import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type EchoAppOptions, EchoClient, echoApp, WS_PACKAGES } from "../helpers/webSocketApp.ts";
import { Bench, handOff, NODES, portOf } from "../helpers/workerHarness.ts";

const standby = { boot: { mode: "standby", generation: 2 } } as const;

async function start(bench: Bench, options: EchoAppOptions, nextWs = options.ws) {
  const old = bench.start(echoApp(options));
  const next = bench.start(echoApp({ ...options, ws: nextWs }), standby);
  const port = await portOf(old);
  await old.event("ready");
  await next.event("ready");
  return { old, next, port };
}

for (const node of NODES) {
  for (const ws of WS_PACKAGES) {
    describe(`${ws} on ${node}`, () => {
      for (const state of [true, false]) {
        test(`an open WebSocket goes on in the next process${state ? ", with state" : ""}`, async () => {
          await using bench = new Bench(node);
          const { old, next, port } = await start(bench, { ws, state });
          const client = new EchoClient(port);
          await client.opened;
          client.socket.send("one");
          await client.answered(1);
          assert.deepEqual(client.messages, ["welcome 1 /chat?room=1", "1:1:one"]);
          const released = await handOff(bench, old, next);
          assert.deepEqual([released.carried, released.left], [1, 0]);
          client.socket.send("two");
          await client.answered(2);
          assert.equal(client.messages[2], "2:2:two");
          assert.match(next.stdout, /connection 2 true \/chat\?room=1 7 127.0.0.1 1 b true/);
          assert.doesNotMatch(old.stdout, /closed/);
          client.socket.close(4000, "bye");
          await next.until("close", () => next.stdout.includes("closed 2 4000 bye 0"));
        });
      }
    });
  }
}
