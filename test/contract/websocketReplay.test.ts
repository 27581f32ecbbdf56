/** `replay: { keep }`: a server that learns from the first messages who speaks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Swapping } from "../helpers/swap.ts";
import { EchoClient, wsModule } from "../helpers/webSocketApp.ts";
import { Bench, handBack, handOff, portOf } from "../helpers/workerHarness.ts";

const standby = { boot: { mode: "standby", generation: 2 } } as const;

/** `auth <user>` is answered with `hello <user>`, `wait` never ends; what else comes needs a user. */
const app = (options: string, listen = "(data) => hear(data)") => `
  import http from "node:http";
  import { hot } from "tsugi/hot";
  hot.accept();
  import { WebSocketServer } from ${JSON.stringify(wsModule("ws"))};
  const { generation } = hot.release;
  const server = http.createServer();
  const wss = new WebSocketServer({ server });
  hot.websockets(wss, ${options});
  wss.on("connection", (ws) => {
    let user = "nobody";
    const hear = async (data) => {
      const [verb, rest] = String(data).split(" ");
      if (verb === "wait") await new Promise(() => ws.send("waits " + generation));
      if (verb === "auth") {
        user = await new Promise((resolve) => setTimeout(resolve, 20, rest));
        ws.send("hello " + user);
      } else ws.send([generation, user, verb].join(" "));
    };
    ws.on("message", ${listen});
  });
  server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;

const KEEP = `{ replay: { keep: (data) => /^(auth|wait)/.test(data) } }`;

const listeners = {
  "a listener that returns its promise": "(data) => hear(data)",
  "a listener that keeps its promise to itself": "(data) => { hear(data); }",
};

for (const [name, listen] of Object.entries(listeners)) {
  test(`${name}: the next version hears who speaks, the old one after a hand-back, and no client hears of it`, async () => {
    await using bench = new Bench();
    const old = bench.start(app(KEEP, listen));
    const client = new EchoClient(await portOf(old));
    await client.opened;
    client.socket.send("auth ada");
    await client.answered(1);
    client.socket.send("no JSON");
    await client.answered(2);
    const next = bench.start(app(KEEP, listen), standby);
    await next.event("ready");
    const released = await handOff(bench, old, next);
    client.socket.send("one");
    await client.answered(3);
    await handBack(bench, old, next);
    client.socket.send("two");
    await client.answered(4);
    assert.deepEqual(client.messages, ["hello ada", "1 ada no", "2 ada one", "1 ada two"]);
    assert.equal(released.carried, 1);
    client.socket.close();
  });

  test(`${name}: through swaps in one process`, async () => {
    await using bench = new Bench();
    const swapping = await Swapping.start(bench, app(KEEP, listen));
    const client = new EchoClient(await swapping.port);
    await client.opened;
    client.socket.send("auth ada");
    await client.answered(1);
    for (const number of [2, 3]) {
      await swapping.swap(app(KEEP, listen), false);
      client.socket.send("more");
      await client.answered(number);
    }
    assert.deepEqual(client.messages, ["hello ada", "2 ada more", "3 ada more"]);
    client.socket.close();
  });
}

test("a message on which `keep` throws is like any other", async () => {
  await using bench = new Bench();
  const worker = bench.start(app(`{ replay: { keep: (data) => JSON.parse(data).opens } }`));
  const client = new EchoClient(await portOf(worker));
  await client.opened;
  client.socket.send("no JSON");
  await client.answered(1);
  assert.deepEqual(client.messages, ["1 nobody no"]);
  client.socket.close();
});

test("what was not answered yet holds nothing, and is answered by the next version", async () => {
  await using bench = new Bench();
  const old = bench.start(app(KEEP));
  const client = new EchoClient(await portOf(old));
  await client.opened;
  client.socket.send("auth ada");
  client.socket.send("wait");
  await client.answered(2);
  const next = bench.start(app(KEEP), standby);
  await next.event("ready");
  await handOff(bench, old, next);
  await client.answered(3);
  assert.deepEqual(client.messages, ["waits 1", "hello ada", "waits 2"]);
  client.socket.close();
});

test("a client of which too much would have to be kept is not carried", async () => {
  await using bench = new Bench();
  const old = bench.start(app("{ replay: { keep: () => true } }"));
  const client = new EchoClient(await portOf(old));
  await client.opened;
  client.socket.send("x".repeat(70_000));
  await client.answered(1);
  const next = bench.start(app(KEEP), standby);
  await next.event("ready");
  const { carried, left } = await handOff(bench, old, next);
  assert.deepEqual([carried, left], [0, 1]);
  assert.match(
    old
      .events("notice")
      .map(({ text }) => text)
      .join(),
    /more than 64 KiB/,
  );
  client.socket.close();
});
