/**
 * One moment: whoever is connected hears all that the application says, once and in order, while its
 * connections go to another generation, whoever made it speak and however it finds them.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { open } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { mustRun } from "../helpers/commands.ts";
import { Crowd, type RoomOptions, roomApp, someTalk } from "../helpers/room.ts";
import { Swapping } from "../helpers/swap.ts";
import { Bench, handBack, handOff, NODES, portOf } from "../helpers/workerHarness.ts";

const SIZE = Number(process.env.TSUGI_TEST_ROOM ?? 40);
const ws = import.meta.resolve("ws");

const allIsWell = async (crowd: Crowd) => {
  const { faults, closed, wrongCounts, heard } = await crowd.end();
  assert.deepEqual([faults.length, faults.slice(0, 10)], [0, []]);
  assert.deepEqual(wrongCounts, []);
  assert.equal(closed, 0);
  assert.ok(heard > SIZE * 10, `${heard} words were heard`);
};

const variants: RoomOptions[] = [
  {},
  { deflate: true, find: "map" },
  { state: true, find: "map" },
  { state: true, deflate: true },
  { blob: true },
  { tcp: true },
  { tcp: true, state: true, find: "map" },
];

for (const node of NODES) {
  describe(`a room on ${node}`, () => {
    for (const variant of variants) {
      test(`goes through swaps in one process: ${JSON.stringify(variant)}`, async () => {
        await using bench = new Bench(node);
        const source = roomApp({ ws, accept: true, ...variant });
        const swapping = await Swapping.start(bench, source, {
          ROOM_FILE: join(bench.folder, "ticks"),
        });
        const { worker } = swapping;
        const httpPort = await portOf(worker);
        const port = variant.tcp ? await portOf(worker, "room") : httpPort;
        const crowd = await Crowd.gather({ size: SIZE, port, httpPort, ...variant });
        const isStateful = variant.state === true;
        try {
          crowd.begin();
          await someTalk(crowd);
          await swapping.swap(source, isStateful);
          await someTalk(crowd);
          // There, and handed back.
          await swapping.load(source);
          await swapping.takeOver(2, 3, isStateful);
          await someTalk(crowd);
          await swapping.takeOver(3, 2, isStateful);
          await someTalk(crowd);
          await allIsWell(crowd);
        } finally {
          crowd.leave();
        }
      });
    }

    for (const variant of variants) {
      const named = JSON.stringify(variant);
      test(`goes to another process and back: ${named}`, async () => {
        await using bench = new Bench(node);
        const env = { ROOM_FILE: join(bench.folder, "ticks") };
        const source = roomApp({ ws, ...variant });
        const old = bench.start(source, { env });
        await old.event("ready");
        const next = bench.start(source, { boot: { mode: "standby", generation: 2 }, env });
        await next.event("ready");
        const httpPort = await portOf(old);
        const port = variant.tcp ? await portOf(old, "room") : httpPort;
        const crowd = await Crowd.gather({ size: SIZE, port, httpPort, ...variant });
        try {
          crowd.begin();
          await someTalk(crowd);
          await handOff(bench, old, next);
          await someTalk(crowd);
          await next.until("all adopted", () => next.adopted.length >= SIZE);
          await handBack(bench, old, next);
          await someTalk(crowd);
          await old.until("all adopted", () => old.adopted.length >= SIZE);
          await allIsWell(crowd);
        } finally {
          crowd.leave();
        }
      });
    }

    test("comes back at once, whatever either side has still to compress", async () => {
      await using bench = new Bench(node);
      const file = join(bench.folder, "ticks");
      const env = { ROOM_FILE: file, UV_THREADPOOL_SIZE: "1" };
      const source = roomApp({ ws, deflate: true });
      const old = bench.start(source, { env });
      await old.event("ready");
      const next = bench.start(source, { boot: { mode: "standby", generation: 2 }, env });
      await next.event("ready");
      const port = await portOf(old);
      const crowd = await Crowd.gather({ size: SIZE, port, deflate: true });
      const hold = async (name: string) => {
        await mustRun("mkfifo", [`${file}.${name}`]);
        await fetch(`http://127.0.0.1:${port}/hold/${name}`, { headers: { connection: "close" } });
      };
      const letGo = async (name: string) => (await open(`${file}.${name}`, "w")).close();
      try {
        crowd.begin();
        await someTalk(crowd);
        await hold("old");
        await someTalk(crowd);
        await handOff(bench, old, next);
        await hold("next");
        await crowd.oneHears("t");
        const back = handBack(bench, old, next);
        await Promise.race([back, pause(300)]);
        await letGo("next");
        await letGo("old");
        await back;
        await someTalk(crowd);
        await allIsWell(crowd);
      } finally {
        crowd.leave();
      }
    });

    const answers: RoomOptions[] = [
      {},
      { deflate: true },
      { tcp: true },
      { answersFirst: true },
      { blob: true },
    ];
    for (const variant of answers) {
      test(`hears a request that ends after they have gone: ${JSON.stringify(variant)}`, async () => {
        await using bench = new Bench(node);
        const env = { ROOM_FILE: join(bench.folder, "ticks") };
        const source = roomApp({ ws, ...variant });
        const old = bench.start(source, { env });
        await old.event("ready");
        const next = bench.start(source, { boot: { mode: "standby", generation: 2 }, env });
        await next.event("ready");
        const httpPort = await portOf(old);
        const port = variant.tcp ? await portOf(old, "room") : httpPort;
        const crowd = await Crowd.gather({ size: SIZE, port, httpPort, ...variant });
        try {
          // The application is at work on it as soon as it was told to continue.
          const headers = { expect: "100-continue" };
          const to = { host: "127.0.0.1", port: httpPort, method: "POST", path: "/say/h0" };
          const request = http.request({ ...to, headers });
          request.flushHeaders();
          await once(request, "continue");
          const { carried } = await handOff(bench, old, next);
          assert.equal(carried, SIZE);
          request.end();
          const [response] = await once(request, "response");
          response.resume();
          crowd.said.set("h", 0);
          const { faults, closed } = await crowd.end();
          assert.deepEqual([faults, closed], [[], 0]);
        } finally {
          crowd.leave();
        }
      });
    }
  });
}
