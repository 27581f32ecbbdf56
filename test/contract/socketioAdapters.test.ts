/** Adapters of Socket.IO: rooms that reach beyond one process go on while sessions are carried. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ChatClient, chatApp } from "../helpers/chat.ts";
import { until } from "../helpers/installed.ts";
import { installFrameworks, linkFrameworks } from "../helpers/projects.ts";
import { type Redis, startRedis } from "../helpers/redis.ts";
import {
  Bench,
  handBack,
  handOff,
  portOf,
  type WorkerUnderTest,
} from "../helpers/workerHarness.ts";

let redis: Redis;
before(async () => {
  await installFrameworks();
  redis = await startRedis();
});
after(() => redis.stop());

const REDIS = () => `
  const { createAdapter } = await import("@socket.io/redis-adapter");
  const { Redis } = await import("ioredis");
  const client = new Redis(${redis.port}, "127.0.0.1");
  io.adapter(createAdapter(client, client.duplicate(), { requestsTimeout: 5_000 }));`;
/** It asks the primary of \`node:cluster\`; where there is none, its rooms are those of one process. */
const CLUSTER = `
  const { createAdapter } = await import("@socket.io/cluster-adapter");
  io.adapter(createAdapter());`;

/** Clients of both places hear what is said in one. */
async function heardBy(clients: ChatClient[], place: WorkerUnderTest, word: string) {
  const heard = new Set<ChatClient>();
  for (const client of clients) client.socket.once(word, () => heard.add(client));
  await place.request({ type: "evaluate", expression: `io.to("a room").emit("${word}")` });
  await until(`${word} is heard`, () => heard.size === clients.length);
}

test("a room of two places, joined by Redis, goes on while one of them is upgraded", async (t) => {
  await using bench = new Bench();
  await using another = new Bench();
  for (const { folder } of [bench, another]) {
    linkFrameworks(folder);
  }
  const env = { ROOM_FILE: join(bench.folder, "ticks") };
  const source = chatApp({ state: true, before: REDIS() });
  const old = bench.start(source, { env });
  const there = another.start(source, { env });
  const next = bench.start(source, { boot: { mode: "standby", generation: 2 }, env });
  await Promise.all([old, there, next].map((worker) => worker.event("ready")));
  const clients = [
    new ChatClient(await portOf(old), "here", "a room", "websocket"),
    new ChatClient(await portOf(old), "here too", "a room", "polling"),
    new ChatClient(await portOf(there), "there", "a room", "websocket"),
  ];
  t.after(() => {
    for (const { socket } of clients) socket.disconnect();
  });
  await Promise.all(clients.map((client) => client.ask("ask", 0)));
  const inRoom = async (place: WorkerUnderTest) => {
    const expression = `io.in("a room").fetchSockets().then((all) => all.map((one) => one.id).sort().join())`;
    return (await place.request({ type: "evaluate", expression })).text;
  };
  const ids = clients
    .map(({ socket }) => socket.id)
    .sort()
    .join();
  const isWhole = async (place: WorkerUnderTest, word: string) => {
    for (const one of [place, there]) {
      await until("the room", async () => (await inRoom(one))?.includes(ids));
      await heardBy(clients, one, `${word} in ${one === there ? "the other place" : "this one"}`);
    }
  };
  await isWhole(old, "before");
  await handOff(bench, old, next);
  await isWhole(next, "after");
  await handBack(bench, old, next);
  await isWhole(old, "back");
  // Each place has ticks of its own, and everybody hears both.
  const isOfTicks = (fault: string) => / tick \d+ after /.test(fault);
  assert.deepEqual(
    clients.flatMap(({ faults }) => faults.filter((fault) => !isOfTicks(fault))),
    [],
  );
});

test("the adapter for node:cluster is in nobody's way", async (t) => {
  await using bench = new Bench();
  linkFrameworks(bench.folder);
  const source = chatApp({ state: true, before: CLUSTER });
  const old = bench.start(source);
  const next = bench.start(source, { boot: { mode: "standby", generation: 2 } });
  await next.event("ready");
  const client = new ChatClient(await portOf(old), "one", "a room", "websocket");
  t.after(() => client.socket.disconnect());
  await client.ask("ask", 0);
  await handOff(bench, old, next);
  await heardBy([client], next, "a word");
  assert.equal((await client.ask("who")).generation, 2);
  assert.deepEqual(client.faults, []);
});
