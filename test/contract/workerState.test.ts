import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Bench,
  NODES,
  pipePair,
  WorkerError,
  type WorkerUnderTest,
} from "../helpers/workerHarness.ts";

const standby = { boot: { mode: "standby", generation: 2 } } as const;
const ALIVE = `setInterval(() => {}, 1000);`;

async function carry(bench: Bench, old: WorkerUnderTest, next: WorkerUnderTest, sliced = false) {
  await old.event("ready");
  const { states: wanted } = await next.event("ready");
  const [from, to] = await pipePair(bench.folder);
  const received = next.request({ type: "receiveState" }, to);
  received.catch(() => {});
  const sent = await old.request({ type: "sendState", wanted, sliced }, from);
  return { sent, received: await received };
}

const codeOf = (code: string, pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof WorkerError, String(error));
  assert.equal(error.json.code, code);
  assert.match(error.json.message, pattern);
  return true;
};

const evaluate = async (worker: WorkerUnderTest, expression: string) =>
  (await worker.request({ type: "evaluate", expression })).text;

const pairs = NODES.flatMap((from) => NODES.map((to) => [from, to] as const));

for (const [from, to] of pairs) {
  describe(`state from ${from} to ${to}`, () => {
    test("anything structured-cloneable arrives, migrated", async () => {
      await using bench = new Bench();
      const old = bench.start(
        `import { hot } from "tsugi/hot";
        const shared = { name: "shared" };
        const cycle = { self: null, when: new Date(5), big: 12n ** 30n, re: /x/gi };
        cycle.self = cycle;
        const memory = new ArrayBuffer(64);
        hot.state("rooms", { initial: () => new Map([["a", ["x", "y"]], ["b", []]]) });
        hot.state("things", { version: 3, initial: () => ({
          cycle, twice: [shared, shared], set: new Set([1, "2"]),
          bytes: new Uint8Array(1_000_000).fill(7), small: Buffer.from("hello"),
          views: [new Uint8Array(memory, 0, 8), new Uint16Array(memory, 4, 4)],
        }) });
        hot.state("forgotten", { initial: () => 1 });
        ${ALIVE}`,
        { node: from },
      );
      const next = bench.start(
        `import { hot } from "tsugi/hot";
        hot.state("rooms", { version: 3, initial: () => null, upgrade: {
          1: (v1) => new Map([...v1].map(([k, members]) => [k, { members }])),
          2: (v2) => ({ rooms: v2 }),
        } });
        hot.state("things", { version: 3, initial: () => null });
        hot.state("fresh", { initial: () => "new" });
        ${ALIVE}`,
        { ...standby, node: to },
      );
      const { sent, received } = await carry(bench, old, next);
      assert.deepEqual(
        sent.states.map(({ name, version }) => [name, version]),
        [
          ["rooms", 1],
          ["things", 3],
        ],
      );
      const carried = received.states.map(({ name, from, to }) => [name, from, to]);
      assert.deepEqual(carried, [
        ["rooms", 1, 3],
        ["things", 3, 3],
        ["fresh", null, 1],
      ]);
      assert.ok(received.states[1]!.bytes > 1_000_000);
      assert.equal(received.states[1]!.bytes, sent.states[1]!.bytes);
      const seen = await evaluate(
        next,
        `const t = state("things"); t.views[0][4] = 9;
         return JSON.stringify([
          state("rooms").rooms.get("a").members, state("fresh"),
          t.cycle.self === t.cycle, t.cycle.when.getTime(), String(t.cycle.big % 97n), String(t.cycle.re),
          t.twice[0] === t.twice[1], [...t.set], t.bytes.length, t.bytes[999_999],
          Buffer.isBuffer(t.small), t.small.toString(), t.views[1][0] ])`,
      );
      const expected = [["x", "y"], "new", true, 5, String(12n ** 30n % 97n), "/x/gi"];
      expected.push(
        true,
        [1, "2"] as never,
        1_000_000 as never,
        7 as never,
        true,
        "hello",
        9 as never,
      );
      assert.deepEqual(JSON.parse(seen), expected);
    });
  });
}

describe("state", () => {
  const withState = (options: string) =>
    `import { hot } from "tsugi/hot"; globalThis.ref = hot.state("rooms", { ${options} }); ${ALIVE}`;

  test("goes back by the newer code's downgrade, on a copy", async () => {
    await using bench = new Bench();
    const old = bench.start(
      withState(`version: 2, initial: () => ({ list: [1, 2] }),
        downgrade: { 2: (v2) => { v2.list.push("spoilt"); return v2.list.length; } }`),
    );
    const next = bench.start(withState(`version: 1, initial: () => 0`), standby);
    const { received } = await carry(bench, old, next);
    assert.deepEqual([received.states[0]!.from, received.states[0]!.to], [1, 1]);
    assert.equal(await evaluate(next, `state("rooms")`), "3");
    assert.equal(await evaluate(old, `JSON.stringify(state("rooms"))`), `{"list":[1,2]}`);
  });

  test("a missing step is named, whichever side lacks it", async () => {
    await using bench = new Bench();
    const one = withState(`version: 1, initial: () => 1`);
    const three = withState(`version: 3, initial: () => 3, upgrade: { 1: (v) => v }`);
    const up = carry(bench, bench.start(one), bench.start(three, standby));
    await assert.rejects(
      up,
      codeOf("TSUGI_STATE_PATH_MISSING", /"rooms" is at version 1;.* wants 3/),
    );
    const down = carry(bench, bench.start(three), bench.start(one, standby));
    await assert.rejects(
      down,
      codeOf("TSUGI_STATE_PATH_MISSING", /"rooms" is at version 3;.* wants 1/),
    );
  });

  test("a step that throws is named", async () => {
    await using bench = new Bench();
    const next = withState(
      `version: 2, initial: () => 1, upgrade: { 1: () => { throw new Error("no such room"); } }`,
    );
    const carrying = carry(
      bench,
      bench.start(withState(`initial: () => 1`)),
      bench.start(next, standby),
    );
    const message =
      /"rooms" could not be carried: its step from version 1 to 2 threw: no such room/;
    await assert.rejects(carrying, codeOf("TSUGI_STATE_FAILED", message));
  });

  test("what cannot be cloned is named by its path", async () => {
    await using bench = new Bench();
    const next = bench.start(withState(`initial: () => 1`), standby);
    const cases: [string, RegExp][] = [
      [
        `new Map([["a", { members: [{}, { send() {} }] }]])`,
        /rooms\.get\("a"\)\.members\[1\]\.send is the function send/,
      ],
      [`{ user: new (class User { name = "x" })() }`, /rooms\.user is an instance of class User/],
      [`{ "odd key": Symbol("s") }`, /rooms\["odd key"\] is a symbol/],
      [
        `[new (class Samples extends Uint8Array {})(8)]`,
        /rooms\[0\] is an instance of class Samples/,
      ],
    ];
    for (const [value, message] of cases) {
      const old = bench.start(withState(`initial: () => (${value})`));
      await assert.rejects(carry(bench, old, next), codeOf("TSUGI_STATE_FAILED", message));
    }
  });

  test("what a migration or a decode makes has to be able to leave again", async () => {
    await using bench = new Bench();
    const rehearsal = { boot: { mode: "rehearsal" } } as const;
    const old = bench.start(withState(`initial: () => ({ list: [1] })`));
    const made: [string, RegExp][] = [
      ["upgrade: { 1: (v) => ({ ...v, f: () => 1 }) }", /rooms\.f is the function f/],
      [
        "upgrade: { 1: (v) => ({ page: new URL('http://a/b') }) }",
        /rooms\.page is an instance of class URL/,
      ],
      [
        "upgrade: { 1: (v) => [v, Promise.resolve(1)] }",
        /rooms\[1\] is an instance of class Promise/,
      ],
      [
        "upgrade: { 1: (v) => v }, decode: (v) => ({ size() { return v.list.length } })",
        /rooms\.size is the function size/,
      ],
    ];
    for (const [options, message] of made) {
      const next = bench.start(withState(`version: 2, initial: () => 0, ${options}`), rehearsal);
      await assert.rejects(carry(bench, old, next, true), codeOf("TSUGI_STATE_FAILED", message));
    }
    const encoded = `upgrade: { 1: (v) => v }, decode: (v) => new Set(v.list), encode: (set) => ({ list: [...set] })`;
    const next = bench.start(withState(`version: 2, initial: () => 0, ${encoded}`), rehearsal);
    assert.equal((await carry(bench, old, next, true)).received.states[0]!.to, 2);
    const high = withState(
      `version: 2, initial: () => 0, downgrade: { 2: () => ({ f: [() => 1] }) }`,
    );
    const down = carry(
      bench,
      bench.start(high, rehearsal),
      bench.start(withState(`initial: () => 0`), rehearsal),
    );
    await assert.rejects(down, codeOf("TSUGI_STATE_FAILED", /rooms\.f\[0\] is the function/));
  });

  test("what no rehearsal has seen is looked through in the carry itself", async () => {
    await using bench = new Bench();
    const old = bench.start(withState(`initial: () => ({})`));
    const step = `upgrade: { 1: (v) => ({ f: () => 1 }) }`;
    const next = bench.start(withState(`version: 2, initial: () => "own", ${step}`), standby);
    await old.event("ready");
    const { states: wanted } = await next.event("ready");
    const [from, to] = await pipePair(bench.folder);
    const received = next.request({ type: "receiveState", check: true }, to);
    received.catch(() => {});
    await old.request({ type: "sendState", wanted, check: true }, from);
    await assert.rejects(received, codeOf("TSUGI_STATE_FAILED", /rooms\.f is the function f/));
    assert.equal(await evaluate(next, `state("rooms")`), "own");
  });

  test("a type that the other Node lacks is named by its path", async () => {
    await using bench = new Bench();
    const value = `new Map([["a", [1, new BigInt64Array(4)]]])`;
    const old = bench.start(withState(`initial: () => (${value})`));
    // As Float16Array is not there before Node 24, and every type was once new.
    const lacking = `delete globalThis.BigInt64Array; ${withState(`initial: () => 1`)}`;
    const message = /rooms\.get\("a"\)\[1\] is a BigInt64Array, which Node .* lacks/;
    for (const rehearsal of [false, true]) {
      const next = bench.start(lacking, rehearsal ? { boot: { mode: "rehearsal" } } : standby);
      const carrying = carry(bench, old, next, rehearsal);
      await assert.rejects(carrying, codeOf("TSUGI_STATE_FAILED", message));
    }
  });

  test("a rehearsal finds a migration that changes its input", async () => {
    await using bench = new Bench();
    const next = (step: string) =>
      bench.start(withState(`version: 2, initial: () => 0, upgrade: { 1: ${step} }`), {
        boot: { mode: "rehearsal" },
      });
    const old = bench.start(withState(`initial: () => ({ list: [2, 1] })`));
    const pure = await carry(bench, old, next("(v) => ({ list: [...v.list].sort() })"), true);
    assert.equal(pure.received.states[0]!.changesInput, undefined);
    const impure = await carry(bench, old, next("(v) => ({ list: v.list.sort() })"), true);
    assert.equal(impure.received.states[0]!.changesInput, true);
  });

  test("a state that is read too early is told", async () => {
    await using bench = new Bench();
    const old = bench.start(withState(`initial: () => 1`));
    const early = bench.start(`${withState(`initial: () => 2`)} ref.value;`, standby);
    await carry(bench, old, early);
    assert.match((await early.event("notice")).text, /hot.state\("rooms"\) was read while loading/);
  });

  test("encode and decode carry class instances", async () => {
    await using bench = new Bench();
    const source = withState(`initial: () => new URL("http://a/b"),
      encode: (url) => url.href, decode: (href) => new URL(href)`);
    const next = bench.start(source, standby);
    await carry(bench, bench.start(source), next);
    assert.equal(await evaluate(next, `state("rooms").pathname`), "/b");
  });

  test("a sender that dies in the middle leaves the receiver's state alone", async () => {
    await using bench = new Bench();
    const old = bench.start(withState(`initial: () => new Uint8Array(200_000_000)`));
    const next = bench.start(withState(`initial: () => "own"`), standby);
    await old.event("ready");
    const { states: wanted } = await next.event("ready");
    const [from, to] = await pipePair(bench.folder);
    old.send({ type: "sendState", id: 900, wanted }, from);
    const received = next.request({ type: "receiveState" }, to);
    setTimeout(() => old.child.kill("SIGKILL"), 30);
    await assert.rejects(received);
    assert.equal(await evaluate(next, `state("rooms")`), "own");
  });

  test("after the carry a late access is told, and a thaw gives the state back", async () => {
    await using bench = new Bench();
    const source = withState(`initial: () => ({ count: 1 })`);
    const old = bench.start(source);
    const next = bench.start(source, standby);
    await old.event("ready");
    await old.request({ type: "freeze", timeoutMs: 1000 });
    await carry(bench, old, next);
    assert.equal(old.events("lateAccess").length, 0);
    await evaluate(old, `ref.value.count++`);
    assert.equal((await old.event("lateAccess")).state, "rooms");
    await old.request({ type: "thaw" });
    assert.equal(await evaluate(old, `ref.value.count`), "2");
    assert.equal(await evaluate(next, `ref.value.count`), "1");
  });

  test("a large state is copied in slices, without holding up the event loop", async () => {
    await using bench = new Bench();
    const old = bench.start(
      withState(`initial: () => new Map(Array.from({ length: 60_000 }, (_, i) =>
        [i, { id: i, name: "user " + i, tags: new Set(["a", i]), at: new Date(i) }])).set("deep",
        { list: Array.from({ length: 50_000 }, (_, i) => ({ i })), bytes: Buffer.from("xyz"), far: { x: Array(30_000).fill(1) } })`),
    );
    const next = bench.start(withState(`initial: () => null`), standby);
    // On a busy machine a slice may be interrupted by others: the best of a few is the slice.
    const stallsMs: number[] = [];
    while (stallsMs.length < 5 && !stallsMs.some((ms) => ms < 50)) {
      const { sent } = await carry(bench, old, next, true);
      stallsMs.push(sent.states[0]!.stallMs!);
    }
    assert.ok(Math.min(...stallsMs) < 50, `stalled for ${stallsMs} ms`);
    const check = `(() => { const m = state("rooms"), d = m.get("deep"); return JSON.stringify([m.size,
      m.get(59_999).name, m.get(7).tags.has(7), m.get(9).at.getTime(), d.list.length, d.list[49_999].i,
      String(d.bytes), d.far.x.length, [...m.keys()].at(-1)]) })()`;
    assert.equal(await evaluate(next, check), await evaluate(old, check));
    assert.match(await evaluate(next, check), /^\[60001,/);
  });

  test("what cannot be sliced is skipped, and says so; what cannot be cloned is named", async () => {
    await using bench = new Bench();
    const next = bench.start(withState(`initial: () => "own"`), standby);
    const cyclic = withState(`initial: () => { const all = { list: [] };
      for (let i = 0; i < 30_000; i++) all.list.push({ i, all }); return all; }`);
    const { sent, received } = await carry(bench, bench.start(cyclic), next, true);
    assert.deepEqual(sent.states, []);
    assert.match(sent.skipped![0]!.why, /is large and holds itself/);
    assert.equal(received.states[0]!.from, null);
    const bad = withState(
      `initial: () => Array.from({ length: 30_000 }, (_, i) => i === 29_000 ? { f() {} } : { i })`,
    );
    const carrying = carry(bench, bench.start(bad), next, true);
    await assert.rejects(
      carrying,
      codeOf("TSUGI_STATE_FAILED", /rooms\.29000\.f is the function f/),
    );
  });
});
