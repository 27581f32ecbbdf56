import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { EchoClient, echoApp } from "../helpers/webSocketApp.ts";
import { Bench, handOff, NODES, portOf, relay } from "../helpers/workerHarness.ts";

const COUNT = Number(process.env.TSUGI_TEST_WEBSOCKETS ?? 500);
const EVERY_MS = 100;
/** More than these are not on their way: a busy machine sets the pace, and piles up nothing. */
const UNANSWERED = 10;

/** Sends a numbered message every EVERY_MS until `isOver`; returns how many. */
async function send(client: EchoClient, isOver: () => boolean): Promise<number> {
  let sent = 0;
  await wait(Math.random() * EVERY_MS);
  while (!isOver()) {
    client.socket.send(`${sent}`.padEnd(sent % 7 === 0 ? 3000 : 5, "."));
    sent += 1;
    do await wait(EVERY_MS);
    while (!isOver() && sent - client.answers.length > UNANSWERED);
  }
  return sent;
}

/** Every client gets some more answers. */
async function someTraffic(clients: EchoClient[]): Promise<void> {
  await Promise.all(clients.map((client) => client.answered(client.answers.length + 3)));
}

for (const state of [true, false]) {
  test(`${COUNT} WebSockets under load go there and back${state ? ", with state" : ""}: none lost, none reordered`, async (t) => {
    await using bench = new Bench(NODES[0]);
    const options = { ws: "ws", state, deflate: true, awaitMs: 1 };
    const old = bench.start(echoApp(options), { node: NODES[0]! });
    const next = bench.start(echoApp(options), {
      boot: { mode: "standby", generation: 2 },
      node: NODES.at(-1)!,
    });
    await old.event("ready");
    const port = await portOf(old);
    const clients: EchoClient[] = [];
    t.after(() => {
      for (const { socket } of clients) socket.terminate();
    });
    for (let at = 0; at < COUNT; at += 1) {
      const perMessageDeflate = at % 2 === 0 ? { threshold: 0 } : false;
      const client = new EchoClient(port, { perMessageDeflate });
      await client.opened;
      clients.push(client);
    }
    let over = false;
    const sending = clients.map((client) => send(client, () => over));
    await someTraffic(clients);

    await handOff(bench, old, next);
    await next.until("adopted", () => next.adopted.length === COUNT);
    const quietMs = next.adopted.map((event) => event.quietMs);
    await someTraffic(clients);

    await old.request({ type: "thaw" });
    relay(next, old);
    await next.request({ type: "moveConnections" });
    await old.until("adopted", () => old.adopted.length === COUNT);
    await someTraffic(clients);
    over = true;
    const sent = await Promise.all(sending);
    await Promise.all(clients.map((client, at) => client.answered(sent[at]!)));

    for (const [at, client] of clients.entries()) {
      const counts = client.answers.map((answer) => Number(answer.split(":")[1]));
      const numbers = client.answers.map((answer) => Number.parseInt(answer.split(":")[2]!, 10));
      const expected = Array.from({ length: sent[at]! }, (_, number) => number);
      assert.deepEqual(numbers, expected);
      assert.deepEqual(
        counts,
        expected.map((number) => number + 1),
      );
      const generations = client.answers
        .map((answer) => answer[0])
        .join("")
        .replace(/(.)\1+/g, "$1");
      assert.match(generations, /^121$/);
      assert.equal(client.closed, undefined);
    }
    quietMs.sort((a, b) => a - b);
    const worst = quietMs.at(-1)!;
    t.diagnostic(
      `quiet: median ${quietMs[COUNT >> 1]!.toFixed(1)} ms, worst ${worst.toFixed(1)} ms,` +
        ` ${(worst / COUNT).toFixed(3)} ms a connection`,
    );
  });
}
