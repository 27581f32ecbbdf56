/** Each row of the table of libraries in docs/guides/websockets.md, by handoff. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { before, describe, test } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { until } from "../helpers/installed.ts";
import { pageAt } from "../helpers/markdown.ts";
import { installFrameworks, linkFrameworks } from "../helpers/projects.ts";
import { Swapping } from "../helpers/swap.ts";
import { EchoClient } from "../helpers/webSocketApp.ts";
import {
  appOf,
  guideCode,
  LIBRARIES,
  libraryOf,
  OTHERS,
  SESSIONS,
} from "../helpers/webSocketLibraries.ts";
import { Bench, handBack, handOff, portOf } from "../helpers/workerHarness.ts";

const standby = { boot: { mode: "standby", generation: 2 } } as const;

function benchWithPackages(): Bench {
  const bench = new Bench();
  linkFrameworks(bench.folder);
  return bench;
}

before(installFrameworks);

describe("WebSockets of libraries go on in the next process", () => {
  for (const name of Object.keys(LIBRARIES)) {
    test(name, async () => {
      await using bench = benchWithPackages();
      const old = bench.start(appOf(name));
      const next = bench.start(appOf(name), standby);
      const client = new EchoClient(await portOf(old), { path: "/chat" });
      await client.opened;
      client.socket.send("one");
      await client.until("answer", () => client.messages.length === 2);
      await next.event("ready");
      const released = await handOff(bench, old, next);
      client.socket.send("two");
      await client.until("answer", () => client.messages.length === 3);
      assert.deepEqual(client.messages, ["welcome", "1 one", "2 two"]);
      assert.deepEqual([released.carried, released.left, client.closed], [1, 0, undefined]);
      assert.equal(next.events("refused").length, 0);
      client.socket.close(4000);
    });
  }

  for (const name of Object.keys(LIBRARIES)) {
    test(`${name}, in the same process after a swap`, async () => {
      await using bench = benchWithPackages();
      const source = `${appOf(name)}\nhot.accept();`;
      const swapping = await Swapping.start(bench, source);
      const client = new EchoClient(await swapping.port, { path: "/chat" });
      await client.opened;
      client.socket.send("one");
      await client.until("answer", () => client.messages.length === 2);
      const { left, lost } = await swapping.swap(source, false);
      client.socket.send("two");
      await client.until("answer", () => client.messages.length === 3);
      assert.deepEqual(client.messages, ["welcome", "1 one", "2 two"]);
      assert.deepEqual([left, lost, client.closed], [0, 0, undefined]);
      client.socket.close(4000);
    });
  }

  test("Hono: who keeps its objects hears of each client once, also after a hand-back", async () => {
    await using bench = benchWithPackages();
    const all = `
      const all = new Set();
      hot.activate(() => setInterval(() => { for (const ws of all) ws.send(String(all.size)); }, 20));`;
    const source = appOf("@hono/node-ws")
      .replace("onOpen: (event, ws) => {", "onOpen: (event, ws) => { all.add(ws);")
      .replace("onMessage:", "onClose: (event, ws) => all.delete(ws), onMessage:")
      .replace("const app = new Hono();", `const app = new Hono();${all}`);
    const old = bench.start(source);
    const next = bench.start(source, standby);
    const client = new EchoClient(await portOf(old), { path: "/chat" });
    await client.opened;
    await next.event("ready");
    await handOff(bench, old, next);
    await handBack(bench, old, next);
    const before = client.messages.length;
    await client.until("what is said to all", () => client.messages.length > before + 5);
    assert.deepEqual([...new Set(client.messages)].sort(), ["1", "welcome"]);
    client.socket.close(4000);
  });

  for (const route of ["another route", "no line"]) {
    test(`whose next version has ${route}: told to come back, and not counted as carried`, async () => {
      await using bench = benchWithPackages();
      const name = "ws, noServer behind a router";
      const old = bench.start(appOf(name));
      const source = route === "no line" ? appOf(name, "") : appOf(name).replace("/chat", "/room");
      const next = bench.start(source, standby);
      const client = new EchoClient(await portOf(old), { path: "/chat" });
      await client.until("welcome", () => client.messages.length === 1);
      await next.event("ready");
      await handOff(bench, old, next);
      await client.until("end", () => client.closed !== undefined);
      assert.equal(client.closed?.code, 1012);
      const [refused, ...others] = next.events("refused");
      assert.deepEqual(others, []);
      const why = route === "no line" ? /registers no such server/ : /no 'upgrade' listener/;
      assert.match(refused!.why!, why);
    });
  }
});

const OFTEN = 4;

/** A client that has subscribed to ticks. */
class Subscriber {
  readonly heard: string[] = [];
  readonly #session: (typeof SESSIONS)[string];
  readonly #socket: WebSocket;

  constructor(port: number, session: (typeof SESSIONS)[string]) {
    const url = `ws://127.0.0.1:${port}/?connectionParams=1`;
    this.#session = session;
    this.#socket = new WebSocket(url, session.protocol === "" ? [] : [session.protocol]);
    this.#socket.on("message", (data) => this.heard.push(String(data)));
  }

  async open(): Promise<void> {
    await once(this.#socket, "open");
    for (const [message, answer] of this.#session.opens) await this.#ask(message, answer);
  }

  /** Ticks come, and what is asked is answered. */
  async hears(session: number): Promise<void> {
    const ticks = () => this.heard.filter((text) => this.#session.sessionIn(text) === session);
    await until(`ticks of ${session}`, () => ticks().length >= OFTEN);
    await this.#ask(this.#session.asks, this.#session.answer(Math.floor(session / 100)));
  }

  async #ask(message: string, answer: string | undefined): Promise<void> {
    const { length } = this.heard;
    this.#socket.send(message);
    const isThere = () => !answer || this.heard.slice(length).includes(answer);
    await until(`${answer} in ${this.heard}`, isThere);
  }

  /** Each session was heard after the one before it, and the client was answered once. */
  isThroughWith(sessions: number[]): void {
    const ticks = this.heard.flatMap((text) => this.#session.sessionIn(text) ?? []);
    assert.deepEqual(
      ticks.filter((session, at) => session !== ticks[at - 1]),
      sessions,
    );
    const opened = this.#session.opens.flatMap(([, answer]) => answer ?? []);
    assert.deepEqual(
      this.heard.filter((text) => opened.includes(text)),
      opened,
    );
    this.#socket.close();
  }
}

describe("subscriptions go on, each in one version at a time", () => {
  for (const [name, session] of Object.entries(SESSIONS)) {
    const source = () => appOf(name, `${guideCode(name)}\n${session.line}`);

    test(`${name}: in the next process, and in the old one after a hand-back`, async () => {
      await using bench = benchWithPackages();
      const old = bench.start(source());
      const next = bench.start(source(), standby);
      const subscriber = new Subscriber(await portOf(old), session);
      await subscriber.open();
      await subscriber.hears(101);
      await next.event("ready");
      const { carried } = await handOff(bench, old, next);
      assert.equal(carried, 1);
      await subscriber.hears(201);
      await handBack(bench, old, next);
      await subscriber.hears(102);
      subscriber.isThroughWith([101, 201, 102]);
    });

    test(`${name}: in the same process after a swap`, async () => {
      await using bench = benchWithPackages();
      const swapped = `${source()}\nhot.accept();`;
      const swapping = await Swapping.start(bench, swapped);
      const subscriber = new Subscriber(await swapping.port, session);
      await subscriber.open();
      await subscriber.hears(101);
      await swapping.swap(swapped, false);
      await subscriber.hears(201);
      subscriber.isThroughWith([101, 201]);
    });
  }
});

describe("counts are true of what is not carried", () => {
  const closed = { drained: 1, lost: 0, closed: 1 };
  const all = [
    ...Object.keys(LIBRARIES).map((name) => [name, closed] as const),
    ...Object.entries(OTHERS).map(([name, { counts }]) => [name, counts] as const),
  ];
  for (const [name, counts] of all) {
    const end = counts === closed ? "closed with 1012, and drained" : "cut, and lost";
    test(`${name}, without a line: ${end}`, async () => {
      await using bench = benchWithPackages();
      const behind = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      await once(behind, "listening");
      behind.on("connection", (webSocket) => {
        webSocket.send("welcome");
        webSocket.on("message", (data) => webSocket.send(`1 ${data}`));
      });
      const env = { BEHIND: String((behind.address() as AddressInfo).port) };
      const old = bench.start(appOf(name, ""), { env });
      const next = bench.start(appOf(name, ""), { ...standby, env });
      const path = name === "sockjs" ? "/chat/websocket" : "/chat";
      const client = new EchoClient(await portOf(old), { path, protocols: [] });
      await client.until("welcome", () => client.messages.includes("welcome"));
      await next.event("ready");
      await handOff(bench, old, next);
      client.socket.send("one");
      await client.until("answer", () => client.messages.includes("1 one"));
      const drain = { type: "drain", drainMs: 100, webSocketDrainMs: 10 } as const;
      const { cut: _, ...counted } = await old.request(drain);
      await client.until("end", () => client.closed !== undefined);
      assert.deepEqual(counted, counts);
      assert.equal(client.closed?.code, counts === closed ? 1012 : 1006);
      behind.close();
    });
  }
});

test("the guide gives the same line for each of them", () => {
  const rows = pageAt("docs/guides/websockets.md")
    .text.split("\n")
    .map((row) => row.split(" | "));
  for (const name of Object.keys({ ...LIBRARIES, ...SESSIONS, ...OTHERS })) {
    const row = rows.find(([first]) => first === `| ${name}`);
    const { line } = libraryOf(name);
    assert.equal(row?.[2], line === "" ? "none |" : `\`${line}\` |`, name);
  }
});
