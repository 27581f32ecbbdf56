/** Sessions of Socket.IO, from one generation to the next: their clients see nothing of it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  ChatCrowd,
  type ChatOptions,
  chatApp,
  SOCKET_IO_PACKAGES,
  socketIoModule,
  type Way,
} from "../helpers/chat.ts";
import { Swapping } from "../helpers/swap.ts";
import { portOf } from "../helpers/webSocketApp.ts";
import { Bench, handBack, handOff } from "../helpers/workerHarness.ts";

const SIZE = Number(process.env.TSUGI_TEST_CHAT ?? 20);
const UPGRADES = Number(process.env.TSUGI_TEST_CHAT_UPGRADES ?? 2);
const EVERY_WAY: Way[] = ["websocket", "upgraded", "polling"];

async function pairOf(bench: Bench, from: ChatOptions, to: ChatOptions = from) {
  const env = { ROOM_FILE: join(bench.folder, "ticks") };
  const old = bench.start(chatApp(from), { env });
  await old.event("ready");
  const next = bench.start(chatApp(to), { boot: { mode: "standby", generation: 2 }, env });
  await next.event("ready");
  return { old, next, port: await portOf(old) };
}

const variants: [ChatOptions, Way[]][] = [
  [{}, ["websocket"]],
  [{ state: true }, ["upgraded"]],
  [{ state: true }, ["polling"]],
  [{}, EVERY_WAY],
];

for (const [variant, ways] of variants) {
  const named = `${ways.join(", ")}${variant.state ? ", with state" : ""}`;
  describe(`a chat by ${named}`, () => {
    test("goes to another process and back", async () => {
      await using bench = new Bench();
      const { old, next, port } = await pairOf(bench, variant);
      const crowd = await ChatCrowd.gather(port, SIZE, ways);
      try {
        crowd.begin();
        for (let count = 0; count < UPGRADES; count += 1) {
          await crowd.talk();
          await handOff(bench, old, next);
          await crowd.talk();
          await handBack(bench, old, next);
        }
        await crowd.talk();
        assert.deepEqual(await crowd.end(), []);
        assert.doesNotMatch(old.stdout + next.stdout, /left/);
      } finally {
        crowd.leave();
      }
    });

    test("goes through swaps in one process", async () => {
      await using bench = new Bench();
      const source = chatApp({ ...variant, accept: true });
      const env = { ROOM_FILE: join(bench.folder, "ticks") };
      const swapping = await Swapping.start(bench, source, env);
      const crowd = await ChatCrowd.gather(await swapping.port, SIZE, ways);
      try {
        crowd.begin();
        for (let count = 0; count < UPGRADES; count += 1) {
          await crowd.talk();
          await swapping.swap(source, variant.state === true);
        }
        await crowd.talk();
        assert.deepEqual(await crowd.end(), []);
        assert.doesNotMatch(swapping.worker.stdout, /left/);
      } finally {
        crowd.leave();
      }
    });
  });
}

void SOCKET_IO_PACKAGES;
void socketIoModule;
