import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { overlaySettings } from "../../../src/protocol/settings.ts";
import type { Generation } from "../../../src/runtime/supervisor/generation.ts";
import { probation, probationNote } from "../../../src/runtime/supervisor/probation.ts";

type Question = { turns?: boolean };

/** A generation of one worker; `answered`: when its event loop comes to a question. */
function generationOf(answered: (question: Question) => Promise<unknown>, settings: object) {
  const worker = {
    request: async (question: Question, { timeoutMs }: { timeoutMs: number }) => {
      const late = new AbortController();
      const silence = delay(timeoutMs, "late", { signal: late.signal }).catch(() => "");
      const isLate = (await Promise.race([answered(question), silence])) === "late";
      late.abort();
      if (isLate) throw new Error(`no answer within ${timeoutMs} ms`);
      return { healthy: true };
    },
  };
  const slots = [{ process: { name: "main" }, index: 0, worker }];
  return { settings: overlaySettings(settings), version: "1.1.0", slots } as unknown as Generation;
}

const goesThrough = (generation: Generation, port = 0) =>
  probation(generation, "1.0.0", () => ({ port }));

describe("a new version that is busy with what it has just been given is not taken for sick", {
  concurrency: true,
}, () => {
  test("where it answers nothing at first", () => {
    const busy = delay(2_000);
    const health = { intervalMs: 50, healthyAfter: 25 };
    return goesThrough(generationOf(() => busy, { timeouts: { probationMs: 3_000 }, health }));
  });

  /** Its event loop comes to what waits for it once in such a time only. */
  const TURN_MS = 1_300;

  test("where each turn of its event loop is longer than a check may take", () => {
    const turn = () => delay(TURN_MS - (performance.now() % TURN_MS));
    return goesThrough(generationOf(turn, { health: { intervalMs: 50 } }));
  });

  test("where its path takes as long", async () => {
    const turn = () => delay(TURN_MS - (performance.now() % TURN_MS));
    const server = http.createServer((_, response) => turn().then(() => response.end()));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const health = { path: "/", intervalMs: 50, healthyAfter: 1 };
      const settings = { health, timeouts: { probationMs: 10_000 } };
      await goesThrough(generationOf(turn, settings), (server.address() as AddressInfo).port);
    } finally {
      server.close();
    }
  });
});

test("a probation without room for its checks lasts as long as they take, and says so", async () => {
  const health = { intervalMs: 300, healthyAfter: 3 };
  const generation = generationOf(async () => {}, { timeouts: { probationMs: 100 }, health });
  await goesThrough(generation);
  assert.equal(
    probationNote(generation.settings),
    "probation lasts up to 900 ms: timeouts.probationMs 100 has no room for health.healthyAfter 3 × health.intervalMs 300",
  );
  assert.equal(probationNote(overlaySettings({})), undefined);
});

describe("a new version is sick", { concurrency: true }, () => {
  const timeouts = { probationMs: 1_500 };
  const never = () => new Promise(() => {});

  test("for the reason that it gave, if there was no time left to give it again", async () => {
    let asked = 0;
    const answer = async ({ turns }: Question) => {
      if (turns) return;
      asked += 1;
      if (asked > 3) await never();
      if (asked > 1) throw new Error("the database is away");
    };
    const health = { intervalMs: 400 };
    await assert.rejects(goesThrough(generationOf(answer, { timeouts, health })), {
      code: "TSUGI_UNHEALTHY",
      message: /the database is away/,
    });
  });

  test("whose check hangs while its event loop turns", async () => {
    const hangs = ({ turns }: Question) => (turns ? Promise.resolve() : never());
    await assert.rejects(goesThrough(generationOf(hangs, { timeouts })), {
      code: "TSUGI_UNHEALTHY",
      message: /main\.0: no answer within 1000 ms, though its event loop turns/,
    });
  });

  test("whose event loop stands still", async () => {
    await assert.rejects(goesThrough(generationOf(never, { timeouts })), {
      code: "TSUGI_UNHEALTHY",
      message: /main\.0: no answer within 1\d\d\d ms$/,
    });
  });
});
