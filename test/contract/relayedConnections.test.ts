/**
 * Where a worker can't pass connections straight to the next one, the supervisors do. They may be at it
 * still when the worker that had the connections has gone.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoClient, echoApp } from "../helpers/webSocketApp.ts";
import { Bench, handOffIntroduced, introduce, portOf } from "../helpers/workerHarness.ts";

/** As on a system on which handles may come together. */
const RELAYS = `data:text/javascript,Object.defineProperty(process,"platform",{value:"darwin"})`;

test("connections that the supervisors still pass on outlive the process that had them", async (t) => {
  await using bench = new Bench();
  const source = echoApp({ ws: "ws" });
  const old = bench.start(source, { args: ["--import", RELAYS] });
  const next = bench.start(source, { boot: { mode: "standby", generation: 2 } });
  const port = await portOf(old);
  await next.event("ready");
  const clients = [1, 2, 3].map(() => new EchoClient(port));
  t.after(() => {
    for (const { socket } of clients) socket.terminate();
  });
  await Promise.all(
    clients.map((client) => client.until("welcome", () => client.messages.length > 0)),
  );
  await introduce(bench, old, next);
  const passOn: (() => void)[] = [];
  await handOffIntroduced(bench, old, next, () => {
    old.onConnection = (meta, handle) =>
      passOn.push(() => next.send({ type: "adopt", meta }, handle));
  });
  await old.until("all of them", () => passOn.length === clients.length);
  await old.stop();
  const isHere = async () => {
    const { text } = await next.request({ type: "evaluate", expression: "wss.clients.size" });
    return Number(text);
  };
  // What is asked comes behind the end of its pipe.
  for (const _ of passOn) assert.equal(await isHere(), clients.length);
  for (const pass of passOn) pass();
  for (const client of clients) {
    client.socket.send("still here");
    await client.answered(1);
    assert.match(client.answers[0]!, /^2:/);
    assert.equal(client.closed, undefined);
  }
});
