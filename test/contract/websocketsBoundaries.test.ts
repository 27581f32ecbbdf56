/** Where in its life a WebSocket may be when it is moved. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { certificateIn } from "../helpers/certificate.ts";
import { type EchoAppOptions, EchoClient, echoApp } from "../helpers/webSocketApp.ts";
import {
  Bench,
  handOff,
  NODES,
  portOf,
  relay,
  type WorkerUnderTest,
} from "../helpers/workerHarness.ts";

const standby = { mode: "standby", generation: 2 } as const;
type Options = Omit<EchoAppOptions, "ws"> & { ws?: string; nextWs?: string };

class Pair {
  readonly bench: Bench;
  readonly old: WorkerUnderTest;
  readonly next: WorkerUnderTest;
  readonly #test: TestContext;

  constructor(t: TestContext, options: Options, change = (source: string) => source) {
    const { nextWs, ...rest } = { ws: "ws", ...options };
    this.#test = t;
    this.bench = new Bench(NODES[0]);
    this.old = this.bench.start(change(echoApp(rest)), { node: NODES[0]! });
    const next = change(echoApp({ ...rest, ws: nextWs ?? rest.ws }));
    this.next = this.bench.start(next, { boot: standby, node: NODES.at(-1)! });
    t.after(() => this.bench[Symbol.asyncDispose]());
  }

  async client(options: ConstructorParameters<typeof EchoClient>[1] = {}): Promise<EchoClient> {
    await this.old.event("ready");
    const client = new EchoClient(await portOf(this.old), options);
    this.#test.after(() => client.socket.terminate());
    await client.opened;
    await client.until("welcome", () => client.messages.length > 0);
    return client;
  }

  /** An expression about the old process's first WebSocket comes true. */
  async first(expression: string): Promise<void> {
    const looking = `(([it]) => ${expression})([...wss.clients])`;
    const look = () => this.old.request({ type: "evaluate", expression: looking });
    while ((await look()).text !== "true") await wait(5);
  }

  /** The old process has so many messages under way. */
  async got(count = 1): Promise<void> {
    await this.old.until("got", () => (this.old.stdout.match(/got 1/g)?.length ?? 0) >= count);
  }

  move = () => handOff(this.bench, this.old, this.next);

  async moved(count = 1): Promise<void> {
    await this.next.until("adopted", () => this.next.adopted.length >= count);
  }
}

/** The socket under a client's WebSocket. */
const socketOf = ({ socket }: EchoClient): Socket =>
  (socket as unknown as { _socket: Socket })._socket;

/** Changes what the application does with a message. */
const onMessage = (body: string) => (source: string) =>
  source.replace(/ws\.on\("message",[\s\S]*?\n {6}\}\);/, body);

function certificateFor(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-tls-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return certificateIn(folder);
}

describe("a WebSocket is moved", () => {
  for (const use of ["port", "server", "noServer"] as const) {
    test(`of a server made with ${use}`, async (t) => {
      const pair = new Pair(t, { use });
      const client = await pair.client();
      await pair.move();
      client.socket.send("x");
      await client.answered(1);
      assert.equal(client.answers[0], "2:1:x");
    });
  }

  for (const [ws, nextWs] of [
    ["ws-8.0", "ws"],
    ["ws", "ws-8.0"],
    ["ws-8.13", "ws-8.18"],
  ] as const) {
    test(`in the middle of a compressed message in fragments, from ${ws} to ${nextWs}`, async (t) => {
      const pair = new Pair(t, { ws, nextWs, deflate: true, state: true });
      const client = await pair.client({ perMessageDeflate: { threshold: 0 } });
      const parts = Array.from({ length: 6 }, (_, part) => `${part} the same words `.repeat(40));
      for (const part of parts.slice(0, 3)) client.socket.send(part, { fin: false });
      client.socket.ping();
      await once(client.socket, "pong");
      await pair.move();
      for (const part of parts.slice(3)) client.socket.send(part, { fin: false });
      client.socket.send("", { fin: true });
      await client.answered(1);
      assert.equal(client.answers[0], `2:1:${parts.join("")}`);
    });
  }

  test("between any two bytes of its frames", async (t) => {
    const pair = new Pair(t, { state: true });
    const mask = Buffer.from([1, 2, 3, 4]);
    const masked = (first: number, text: string) => {
      const payload = Buffer.from(text).map((byte, at) => byte ^ mask[at % 4]!);
      const size = text.length < 126 ? [0x80 | text.length] : [0x80 | 126, 0, text.length];
      return Buffer.concat([Buffer.from([first, ...size]), mask, payload]);
    };
    const long = "l".repeat(200);
    const bytes = Buffer.concat([
      masked(0x01, "ab"),
      masked(0x00, ""),
      masked(0x89, "ping"),
      masked(0x80, "cd"),
      masked(0x81, long),
    ]);
    const cuts = [...Array(45).keys()].concat(bytes.length - 1);
    const clients = await Promise.all(cuts.map(() => pair.client({ perMessageDeflate: false })));
    clients.forEach((client, at) => void socketOf(client).write(bytes.subarray(0, cuts[at])));
    await wait(100);
    await pair.move();
    clients.forEach((client, at) => void socketOf(client).write(bytes.subarray(cuts[at]!)));
    for (const client of clients) {
      await client.answered(2);
      const texts = client.answers.map((answer) => answer.slice(2));
      assert.deepEqual(texts, ["1:abcd", `2:${long}`]);
    }
  });

  test("when it was not read: a frame of 5 MB that is half sent", async (t) => {
    const pair = new Pair(t, { state: true });
    const client = await pair.client();
    const data = Buffer.alloc(5_000_000, "0123456789");
    const answers: Buffer[] = [];
    client.socket.prependListener("message", (answer) => answers.push(answer as Buffer));
    client.socket.send(data);
    await pair.move();
    await client.answered(1);
    assert.ok(answers[0]!.equals(data));
  });

  test("only after a message listener's promise has settled, and in order", async (t) => {
    const pair = new Pair(t, { state: true, awaitMs: 200 });
    const client = await pair.client();
    client.socket.send("first");
    await pair.got();
    const moved = pair.move();
    await wait(30);
    client.socket.send("second");
    await moved;
    await client.answered(2);
    // The second may have come in before the freeze: then it was answered there.
    assert.match(client.answers.join(" "), /^1:1:first [12]:2:second$/);
  });

  test("only after the promise of an onmessage or addEventListener handler", async (t) => {
    const handler = `async ({ data }) => {
      const count = ++ws.count;
      console.log("got", generation);
      await new Promise((resolve) => setTimeout(resolve, 200));
      ws.send(generation + ":" + count + ":" + data);
    }`;
    const change = onMessage(`
      const handler = ${handler};
      if (request.url === "/attribute") { ws.onmessage = handler; console.log("same", ws.onmessage === handler); }
      else {
        const other = () => ws.send("never");
        for (const add of [handler, handler, other]) ws.addEventListener("message", add);
        ws.removeEventListener("message", other);
      }`);
    const pair = new Pair(t, { state: true }, change);
    const clients = [
      await pair.client({ path: "/attribute" }),
      await pair.client({ path: "/listener" }),
    ];
    for (const client of clients) client.socket.send("first");
    await pair.got(2);
    await pair.move();
    for (const client of clients) client.socket.send("second");
    for (const client of clients) {
      await client.answered(2);
      assert.deepEqual(client.messages.slice(1), ["1:1:first", "2:2:second"]);
    }
    assert.match(pair.old.stdout, /same true/);
  });

  test("a listener that never settles holds the freeze, and is named", async (t) => {
    const pair = new Pair(t, { state: true, awaitMs: 1e6 });
    const client = await pair.client();
    client.socket.send("first");
    await pair.got();
    await assert.rejects(pair.old.request({ type: "freeze", timeoutMs: 100 }), /WebSocket \/chat/);
    assert.equal(client.closed, undefined);
  });

  test("a thaw goes on with everything, a message in the meantime included", async (t) => {
    const pair = new Pair(t, { state: true });
    const client = await pair.client();
    await pair.old.request({ type: "freeze", timeoutMs: 1000 });
    client.socket.send("held");
    await wait(50);
    assert.deepEqual(client.answers, []);
    await pair.old.request({ type: "thaw" });
    await client.answered(1);
    assert.equal(client.answers[0], "1:1:held");
  });

  for (const state of [true, false]) {
    test(`with all that its server sends by itself${state ? ", with state" : ""}`, async (t) => {
      const ticking = (source: string) =>
        source
          .replace("count: ws.count,", "count: ws.count, ticks: ws.ticks,")
          .replace("ws.count = data.count;", "ws.count = data.count; ws.ticks = data.ticks;")
          .concat(`
            const tick = () => {
              for (const ws of wss.clients) {
                if (ws.readyState !== 1) continue;
                ws.ticks = (ws.ticks ?? 0) + 1;
                ws.send(generation + " tick " + ws.ticks + " ".repeat(ws.ticks % 2000));
              }
            };
            let timer;
            hot.activate(() => { timer = setInterval(tick, 5); });
            hot.freeze(() => clearInterval(timer));`);
      const pair = new Pair(t, { state, deflate: true }, ticking);
      const clients = await Promise.all(
        Array.from({ length: 30 }, (_, at) =>
          pair.client({ perMessageDeflate: at % 2 === 0 ? { threshold: 0 } : false }),
        ),
      );
      const ticksOf = (client: EchoClient) =>
        client.messages.filter((message) => message.includes(" tick "));
      const fromNext = ({ messages }: EchoClient) =>
        messages.filter((message) => message.startsWith("2 tick")).length > 10;
      await Promise.all(clients.map((it) => it.until("ticks", () => ticksOf(it).length > 10)));
      await pair.move();
      await Promise.all(clients.map((it) => it.until("more ticks", () => fromNext(it))));
      for (const client of clients) {
        const numbers = ticksOf(client).map((tick) => Number.parseInt(tick.slice(7), 10));
        assert.deepEqual(
          numbers,
          numbers.map((_, at) => at + 1),
        );
      }
    });
  }

  test("with what was sent before, however slowly its client reads", async (t) => {
    const flood = onMessage(`ws.on("message", () => {
      for (let at = 0; at < 400; at++) ws.send(generation + ":" + at + ":" + "x".repeat(50000));
    });`);
    const pair = new Pair(t, {}, flood);
    const client = await pair.client();
    socketOf(client).pause();
    client.socket.send("go");
    await pair.first("it.bufferedAmount > 1e6");
    await pair.move();
    assert.equal(pair.next.adopted.length, 0);
    socketOf(client).resume();
    await client.answered(400);
    await pair.moved();
    client.socket.send("go");
    await client.answered(800);
    const expected = [1, 2].flatMap((generation) =>
      Array.from({ length: 400 }, (_, at) => `${generation}:${at}`),
    );
    assert.deepEqual(
      client.answers.map((answer) => answer.slice(0, answer.lastIndexOf(":"))),
      expected,
    );
  });

  test("after its server has begun to close it, and sees the client's answer", async (t) => {
    const change = onMessage(`ws.on("message", () => ws.close(4001, "enough"));`);
    const pair = new Pair(t, { state: true }, change);
    const client = await pair.client();
    const socket = socketOf(client);
    client.socket.send("close");
    // The client does not see the close frame yet.
    socket.pause();
    await pair.first("it.readyState === 2 && it._closeFrameSent");
    await pair.move();
    await pair.next.until("connection", () => pair.next.stdout.includes("connection 2 true"));
    socket.resume();
    await client.until("close", () => client.closed !== undefined);
    assert.deepEqual(client.closed, { code: 4001, reason: "enough" });
    await pair.next.until("close", () => pair.next.stdout.includes("closed 2 4001 enough 0"));
    assert.doesNotMatch(pair.old.stdout, /closed/);
  });

  test("after its server has begun to close it, and has spoken to all all the same", async (t) => {
    const change = onMessage(`ws.on("message", () => {
      ws.close(4001, "enough");
      for (const each of wss.clients) each.send("to all");
    });`);
    const pair = new Pair(t, { state: true }, change);
    const client = await pair.client();
    const socket = socketOf(client);
    client.socket.send("close");
    socket.pause();
    await pair.first("it.readyState === 2 && it.bufferedAmount > 0");
    await pair.move();
    await pair.moved();
    socket.resume();
    await client.until("close", () => client.closed !== undefined);
    assert.deepEqual(client.closed, { code: 4001, reason: "enough" });
  });

  test("while its client closes: the next process hears of it", async (t) => {
    const pair = new Pair(t, { state: true });
    const [closing, cut] = [await pair.client(), await pair.client()];
    await pair.old.request({ type: "freeze", timeoutMs: 1000 });
    closing.socket.close(4002, "bye");
    socketOf(cut).destroy();
    await wait(50);
    await pair.move();
    await pair.next.until("closes", () => pair.next.stdout.match(/closed 2/g)?.length === 2);
    assert.match(pair.next.stdout, /closed 2 4002 bye/);
    assert.match(pair.next.stdout, /closed 2 1006/);
    // The server has heard the close frame; its answer still travels to the client.
    await closing.until("close", () => closing.closed !== undefined);
    assert.deepEqual(closing.closed, { code: 4002, reason: "bye" });
    const open = await pair.next.request({ type: "evaluate", expression: "seen.value.open" });
    assert.equal(open.text, "0");
  });

  test("ended by the old process while frozen: the next process hears of it", async (t) => {
    const pair = new Pair(t, { state: true });
    await pair.client();
    await pair.old.request({ type: "freeze", timeoutMs: 1000 });
    const expression = "[...wss.clients][0].terminate()";
    await pair.old.request({ type: "evaluate", expression });
    await wait(50);
    await pair.move();
    await pair.next.until("close", () => pair.next.stdout.includes("closed 2 1006"));
    assert.match(pair.next.stdout, /connection 2 true/);
    assert.doesNotMatch(pair.old.stdout, /closed/);
    const open = await pair.next.request({ type: "evaluate", expression: "seen.value.open" });
    assert.equal(open.text, "0");
  });

  test("to an async 'connection' listener: nothing is read before it listens", async (t) => {
    const late = (source: string) =>
      source
        .replace(`wss.on("connection", (ws,`, `wss.on("connection", async (ws,`)
        .replace(
          `ws.on("message"`,
          `await new Promise((resolve) => setTimeout(resolve, 200));\n      ws.on("message"`,
        );
    const pair = new Pair(t, { state: true }, late);
    const client = await pair.client();
    await pair.first(`it.listenerCount("message") > 0`);
    client.socket.send("first");
    await client.answered(1);
    await pair.move();
    client.socket.send("second");
    await client.answered(2);
    assert.deepEqual(client.answers, ["1:1:first", "2:2:second"]);
  });

  test("to a listener that loops over its messages for ever", async (t) => {
    const loop = (source: string) =>
      onMessage(`for await (const [data] of on(ws, "message")) {
          ws.send(generation + ":" + ++ws.count + ":" + data);
        }`)(source)
        .replace(`wss.on("connection", (ws,`, `wss.on("connection", async (ws,`)
        .replace("import http", `import { on } from "node:events";\nimport http`);
    const pair = new Pair(t, { state: true }, loop);
    const client = await pair.client();
    client.socket.send("first");
    await client.answered(1);
    await pair.move();
    client.socket.send("second");
    await client.answered(2);
    assert.deepEqual(client.answers, ["1:1:first", "2:2:second"]);
  });

  test("with its request as it came, whatever the application did to it", async (t) => {
    const rewrite = (source: string) =>
      source.replace(
        "if (!hot.carried(ws)) {",
        `$& request.user = "ada"; request.url += "/rewritten";`,
      );
    const pair = new Pair(t, {}, rewrite);
    await pair.client();
    await pair.move();
    const told = () => pair.next.stdout.includes("connection 2 true /chat?room=1 7");
    await pair.next.until("connection", told);
  });

  test("into a version that has turned compression off: it stays as agreed", async (t) => {
    const pair = new Pair(t, { deflate: true }, (source) =>
      source.replace(
        "perMessageDeflate: { threshold: 0 }",
        `perMessageDeflate: generation === 1 && { threshold: 0, clientMaxWindowBits: 10 }`,
      ),
    );
    const client = await pair.client({ perMessageDeflate: { threshold: 0 } });
    await pair.move();
    client.socket.send("x".repeat(5000));
    await client.answered(1);
    assert.equal(client.answers[0], `2:1:${"x".repeat(5000)}`);
  });

  test("into a version that does not register it: told to come back", async (t) => {
    const pair = new Pair(t, {}, (source) =>
      source.replace("hot.websockets(wss", "if (generation === 1) hot.websockets(wss"),
    );
    const client = await pair.client();
    await pair.move();
    await client.until("close", () => client.closed !== undefined);
    assert.equal(client.closed?.code, 1012);
  });

  test("into a version whose restore throws: told to come back, and said why", async (t) => {
    const pair = new Pair(t, {}, (source) =>
      source.replace("restore: (ws, data) => {", '$& throw new Error("not so");'),
    );
    const client = await pair.client();
    await pair.move();
    await client.until("close", () => client.closed !== undefined);
    assert.equal(client.closed?.code, 1012);
    assert.deepEqual(
      pair.next.events("refused").map(({ why }) => why),
      ["restore: not so"],
    );
  });

  for (const [what, save, problem] of [
    ["throws", `throw new Error("no");`, /save: no/],
    ["returns a function", "return { a: [() => {}] };", /save: data\.a\[0\] is the function/],
  ] as const) {
    test(`not when save ${what}: it stays, and is told to come back in the end`, async (t) => {
      const pair = new Pair(t, {}, (source) =>
        source.replace("save: (ws) => (", `save: (ws) => { ${save} }, old: (ws) => (`),
      );
      const client = await pair.client();
      const { carried, left } = await pair.move();
      assert.deepEqual([carried, left], [0, 1]);
      client.socket.send("x");
      await client.answered(1);
      assert.equal(client.answers[0], "1:1:x");
      await pair.old.request({ type: "drain", drainMs: 50 });
      await client.until("close", () => client.closed !== undefined);
      assert.equal(client.closed?.code, 1012);
      assert.match(pair.old.events("notice")[0]!.text, problem);
    });
  }

  test("not over TLS: the old process serves it on, and it is told to come back", async (t) => {
    const certificate = certificateFor(t);
    const pair = new Pair(t, { state: true }, (source) =>
      source
        .replace("http.createServer()", `https.createServer(${JSON.stringify(certificate)})`)
        .replace("import http", `import https from "node:https";\nimport http`),
    );
    await pair.old.event("ready");
    const url = `wss://127.0.0.1:${await portOf(pair.old)}/chat`;
    const client = new EchoClient(url, { rejectUnauthorized: false });
    t.after(() => client.socket.terminate());
    await client.opened;
    const { carried, left } = await pair.move();
    assert.deepEqual([carried, left], [0, 1]);
    client.socket.send("x");
    await client.answered(1);
    assert.equal(client.answers[0], "1:1:x");
    const drained = await pair.old.request({ type: "drain", drainMs: 50 });
    assert.deepEqual(drained, { drained: 1, lost: 0 });
    await client.until("close", () => client.closed !== undefined);
    assert.equal(client.closed?.code, 1012);
    await pair.old.until("close", () => pair.old.stdout.includes("closed 1 1012"));
  });

  test("not when unregistered: all are told to come back, not all at once", async (t) => {
    const pair = new Pair(t, { register: false });
    const clients = await Promise.all(Array.from({ length: 100 }, () => pair.client()));
    await pair.move();
    const ends: number[] = [];
    for (const { socket } of clients) socket.once("close", () => ends.push(performance.now()));
    const drained = await pair.old.request({ type: "drain", drainMs: 50 });
    assert.deepEqual(drained, { drained: 100, lost: 0 });
    for (const client of clients) {
      await client.until("close", () => client.closed !== undefined);
      assert.equal(client.closed?.code, 1012);
    }
    assert.ok(ends.at(-1)! - ends[0]! > 50, `all within ${ends.at(-1)! - ends[0]!} ms`);
  });

  test("and handed back, with what was saved there", async (t) => {
    const pair = new Pair(t, { deflate: true });
    const client = await pair.client({ perMessageDeflate: { threshold: 0 } });
    client.socket.send("a");
    await client.answered(1);
    await pair.move();
    client.socket.send("b");
    await client.answered(2);
    await pair.old.request({ type: "thaw" });
    relay(pair.next, pair.old);
    await pair.next.request({ type: "moveConnections" });
    client.socket.send("c");
    await client.answered(3);
    assert.deepEqual(client.answers, ["1:1:a", "2:2:b", "1:3:c"]);
  });
});
