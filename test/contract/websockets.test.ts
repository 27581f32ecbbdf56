import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import {
  type EchoAppOptions,
  EchoClient,
  echoApp,
  WS_PACKAGES,
  wsModule,
} from "../helpers/webSocketApp.ts";
import { Bench, handBack, handOff, NODES, portOf } from "../helpers/workerHarness.ts";

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

        test(`one that has come back answers every ping${state ? ", with state" : ""}`, async () => {
          await using bench = new Bench(node);
          const { old, next, port } = await start(bench, { ws, state });
          const client = new EchoClient(port);
          await client.opened;
          await handOff(bench, old, next);
          await handBack(bench, old, next);
          client.socket.send("back");
          await client.answered(1);
          assert.equal(client.messages[1], "1:1:back");
          // More than `ws` lets wait unanswered.
          for (let count = 0; count < 100; count += 1) {
            client.socket.ping();
            await once(client.socket, "pong", { signal: AbortSignal.timeout(10_000) });
          }
          assert.equal(client.closed, undefined);
        });
      }
    });
  }
}

test("one of the application's own class comes back with what its constructor gives it", async () => {
  await using bench = new Bench();
  const source = `
    import http from "node:http";
    import { hot } from "tsugi/hot";
    import WebSocket, { WebSocketServer } from ${JSON.stringify(wsModule("ws"))};
    class Own extends WebSocket { added = "added"; }
    const server = http.createServer();
    const wss = new WebSocketServer({ server, WebSocket: Own });
    hot.websockets(wss);
    const mine = new Set();
    wss.on("connection", (ws) => mine.add(ws));
    server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));
    globalThis.tell = () => [...mine].map((it) => [it instanceof Own, it.added, it.readyState]).join();`;
  const old = bench.start(source);
  const next = bench.start(source, standby);
  const client = new EchoClient(await portOf(old));
  await client.opened;
  await handOff(bench, old, next);
  await handBack(bench, old, next);
  for (let count = 0; count < 100; count += 1) {
    client.socket.ping();
    await once(client.socket, "pong", { signal: AbortSignal.timeout(10_000) });
  }
  const { text } = await old.request({ type: "evaluate", expression: "tell()" });
  assert.equal(text, "true,added,1");
});
