/** Sessions of Socket.IO, from one generation to the next: their clients see nothing of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Socket } from "socket.io-client";
import WebSocket from "ws";
import {
  ChatClient,
  ChatCrowd,
  type ChatOptions,
  chatApp,
  SOCKET_IO_PACKAGES,
  socketIoModule,
  type Way,
} from "../helpers/chat.ts";
import { until } from "../helpers/installed.ts";
import { Swapping } from "../helpers/swap.ts";
import {
  Bench,
  handBack,
  handOff,
  handOffIntroduced,
  introduce,
  portOf,
} from "../helpers/workerHarness.ts";

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

/** Speaks the protocol itself, packet by packet. */
class RawClient {
  readonly packets: string[] = [];
  readonly #socket: WebSocket;
  isClosed = false;

  constructor(port: number, query = "EIO=4&transport=websocket") {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?${query}`);
    this.#socket.on("message", (data, isBinary) =>
      this.packets.push(isBinary ? `binary ${(data as Buffer).toString("hex")}` : String(data)),
    );
    this.#socket.on("close", () => {
      this.isClosed = true;
    });
  }

  async hears(what: RegExp, after = 0): Promise<string> {
    const find = () => this.packets.slice(after).find((packet) => what.test(packet));
    await until(`${what} among ${this.packets.join(" ")}`, () => find() !== undefined);
    return find()!;
  }

  /** What comes after it. */
  async asks(packet: string | Buffer, answer: RegExp): Promise<string> {
    const { length } = this.packets;
    this.send(packet);
    return this.hears(answer, length);
  }

  send(packet: string | Buffer): void {
    this.#socket.send(packet);
  }

  end(): void {
    this.#socket.terminate();
  }
}

describe("a session of Socket.IO", () => {
  const releases = [
    [SOCKET_IO_PACKAGES[0]!, SOCKET_IO_PACKAGES[2]!],
    [SOCKET_IO_PACKAGES[2]!, SOCKET_IO_PACKAGES[0]!],
    [SOCKET_IO_PACKAGES[1]!, SOCKET_IO_PACKAGES[1]!],
  ] as const;
  for (const [from, to] of releases) {
    test(`keeps all that it is: ${from} to ${to}`, async (t) => {
      await using bench = new Bench();
      const [options, state] = ["connectionStateRecovery: {}", true];
      const { old, next, port } = await pairOf(
        bench,
        { socketIo: socketIoModule(from), options, state },
        { socketIo: socketIoModule(to), options, state },
      );
      const clients = EVERY_WAY.map((way) => new ChatClient(port, way, "a room", way));
      t.after(() => {
        for (const { socket } of clients) socket.disconnect();
      });
      await Promise.all(clients.map(({ opened }) => opened));
      await until("the upgrade", () => clients[1]!.socket.io.engine.transport.name === "websocket");
      const who = () => Promise.all(clients.map((client) => client.ask("who")));
      const before = await who();
      await handOff(bench, old, next);
      const after = await who();
      for (const [at, { generation, carried, recovered, ...rest }] of after.entries()) {
        const { generation: _, carried: __, recovered: ___, ...wanted } = before[at];
        assert.deepEqual(rest, wanted);
        assert.deepEqual([generation, carried, recovered], [2, true, true]);
        assert.equal(rest.data.checked, 1);
        assert.deepEqual(rest.rooms, [rest.id, "a room"]);
      }
      await handBack(bench, old, next);
      const back = await who();
      assert.deepEqual(
        back.map(({ id, generation, pid }) => [id, generation, pid]),
        before.map(({ id, pid }) => [id, 1, pid]),
      );
      assert.deepEqual(
        clients.flatMap(({ faults }) => faults),
        [],
      );
    });
  }

  test("has namespaces, dynamic ones too; one that the next version lacks is left", async (t) => {
    await using bench = new Bench();
    const more = 'io.of("/gone");';
    const { old, next, port } = await pairOf(bench, { more, state: true }, { state: true });
    const client = new ChatClient(port, "c", "a room", "websocket");
    const [other, dynamic, gone] = ["/other", "/dynamic-7", "/gone"].map((name) =>
      client.socket.io.socket(name, {}).connect(),
    );
    let reason: string | undefined;
    gone!.on("disconnect", (why) => {
      reason = why;
    });
    const all = [client.socket, other!, dynamic!, gone!];
    // One that is left connects again and again: the process of the test would not end.
    t.after(() => {
      for (const socket of all) socket.disconnect();
    });
    await until("all namespaces", () => all.every(({ connected }) => connected));
    await handOff(bench, old, next);
    const ask = (socket: Socket) => socket.timeout(30_000).emitWithAck("ask", 1);
    assert.deepEqual(await Promise.all([ask(other!), ask(dynamic!)]), [2, "/dynamic-7"]);
    await until("the end of the one", () => reason === "io server disconnect");
    assert.equal(client.socket.connected, true);
  });

  test("that is joining a namespace joins it in the next version", async (t) => {
    await using bench = new Bench();
    const more =
      "io.use((socket, next) => { if (generation === 2) next(); else console.log('asked'); });";
    const { old, next, port } = await pairOf(bench, { more });
    const client = new ChatClient(port, "c", "a room", "websocket");
    t.after(() => client.socket.disconnect());
    await old.until("the middleware", () => old.stdout.includes("asked"));
    await handOff(bench, old, next);
    await client.opened;
    const { generation, carried, userName } = await client.ask("who");
    assert.deepEqual([generation, carried, userName], [2, false, "c"]);
  });

  test("is let in once, by this version or the next, while it connects during the freeze", async (t) => {
    await using bench = new Bench();
    const more = `
      io.use((socket, next) => { console.log("asked", socket.handshake.auth.name); setTimeout(next, 100); });
      io.on("connection", (socket) => hot.carried(socket) || console.log("let in", socket.userName));`;
    const { old, next, port } = await pairOf(bench, { more, state: true });
    const clients = EVERY_WAY.map((way) => new ChatClient(port, way, "a room", way));
    t.after(() => {
      for (const { socket } of clients) socket.disconnect();
    });
    await old.until("all are asked", () => old.stdout.match(/asked/g)?.length === clients.length);
    await handOff(bench, old, next);
    const who = await Promise.all(clients.map((client) => client.ask("who")));
    assert.deepEqual(
      who.map(({ generation, data }) => [generation, data.begun]),
      clients.map(() => [2, 1]),
    );
    const letIn = `${old.stdout}${next.stdout}`.match(/let in \w+/g);
    assert.deepEqual(letIn?.sort(), EVERY_WAY.map((way) => `let in ${way}`).sort());
    assert.deepEqual(
      clients.flatMap(({ faults }) => faults),
      [],
    );
  });

  test("passes the middlewares once more where that is asked for", async (t) => {
    await using bench = new Bench();
    const before = `io.use((socket, next) =>
      next(generation === 2 && socket.handshake.auth.name === "polling" ? new Error("no more") : undefined));`;
    const options = { before, carry: "skipMiddlewares: false,", state: true };
    const { old, next, port } = await pairOf(bench, options);
    const clients = EVERY_WAY.map((way) => new ChatClient(port, way, "a room", way));
    t.after(() => {
      for (const { socket } of clients) socket.disconnect();
    });
    const reasons = clients.map(
      ({ socket }) => new Promise((resolve) => socket.once("disconnect", resolve)),
    );
    await Promise.all(clients.map((client) => client.ask("ask", 0)));
    await handOff(bench, old, next);
    const [first, second] = await Promise.all(clients.slice(0, 2).map((one) => one.ask("who")));
    assert.deepEqual([first.data.checked, second.data.checked, first.carried], [2, 2, true]);
    assert.equal(await reasons[2], "io server disconnect");
    assert.deepEqual([clients[0]!.faults, clients[1]!.faults], [[], []]);
  });

  test("keeps a packet whose attachments have not all come, and is pinged at once", async (t) => {
    await using bench = new Bench();
    const { old, next, port } = await pairOf(bench, { state: true });
    const client = new RawClient(port);
    t.after(() => client.end());
    await client.hears(/^0/);
    await client.asks('40{"name":"raw","room":"r"}', /^40/);
    client.send('451-7["show",0,{"_placeholder":true,"num":0}]');
    // It has come when what is sent after it by another way is answered.
    await until("half a packet", async () => {
      const expression =
        "[...io.of('/').sockets.values()][0].client.decoder.reconstructor !== null";
      return (await old.request({ type: "evaluate", expression })).text === "true";
    });
    await handOff(bench, old, next);
    await client.hears(/^2$/);
    await client.asks(Buffer.from("abcd", "hex"), /^461-7/);
    await client.hears(/^binary abcd/);
    assert.equal(client.isClosed, false);
  });

  test("may be on its way from polling to a WebSocket", async (t) => {
    await using bench = new Bench();
    const upgradeTimeout = 2_000;
    const options = `upgradeTimeout: ${upgradeTimeout}`;
    const more = "if (generation === 1) globalThis.first = io;";
    const source = chatApp({ state: true, accept: true, options, more });
    const env = { ROOM_FILE: join(bench.folder, "ticks") };
    const swapping = await Swapping.start(bench, source, env);
    const port = await swapping.port;
    // Within the time for an upgrade is only what has to be.
    await swapping.load(source);
    const open = await fetch(`http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`);
    const { sid } = JSON.parse((await open.text()).slice(1));
    const client = new RawClient(port, `EIO=4&transport=websocket&sid=${sid}`);
    t.after(() => client.end());
    await until("the WebSocket", async () => {
      const expression = `first.engine.clients[${JSON.stringify(sid)}].upgrading`;
      const asked = { type: "evaluate", expression } as const;
      return (await swapping.worker.request(asked, undefined, 1)).text === "true";
    });
    await client.asks("2probe", /^3probe/);
    await swapping.takeOver(1, 2);
    client.send("5");
    await client.asks('40{"name":"raw","room":"r"}', /^40/);
    // The time that the old version would have given it passes.
    const isOver = performance.now() + upgradeTimeout;
    while (performance.now() < isOver) await client.asks('421["ask",1]', /^431\[2,2\]/);
    assert.equal(client.isClosed, false);
  });

  test("that went by polling comes back as a WebSocket", async (t) => {
    await using bench = new Bench();
    const { old, next, port } = await pairOf(bench, { state: true });
    const url = `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
    const poll = `${url}&sid=${sid}`;
    await (await fetch(poll, { method: "POST", body: '40{"name":"raw","room":"r"}' })).text();
    assert.match(await (await fetch(poll)).text(), /^40/);
    await handOff(bench, old, next);
    const client = new RawClient(port, `EIO=4&transport=websocket&sid=${sid}`);
    t.after(() => client.end());
    await until("the WebSocket", async () => {
      const expression = `io.engine.clients[${JSON.stringify(sid)}].upgrading`;
      return (await next.request({ type: "evaluate", expression })).text === "true";
    });
    client.send("5");
    await client.asks('421["ask",1]', /^431\[2,2\]/);
    await handBack(bench, old, next);
    await client.asks('422["ask",1]', /^432\[2,1\]/);
    const { length } = client.packets;
    await client.hears(/"tick"/, length);
    const expression = "io.engine.clientsCount + ' ' + io.of('/').sockets.size";
    assert.equal((await old.request({ type: "evaluate", expression })).text, "1 1");
  });

  test("that is in the middle of a message by polling is waited for, where no state is carried", async (t) => {
    await using bench = new Bench();
    const { old, next, port } = await pairOf(bench, {});
    const path = "/socket.io/?EIO=4&transport=polling";
    const url = `http://127.0.0.1:${port}${path}`;
    const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
    const hears = async (words: RegExp) => {
      for (;;) {
        const polled = await fetch(`${url}&sid=${sid}`);
        const said = await polled.text();
        assert.equal(polled.status, 200, said);
        if (said.split("\x1e").some((packet) => words.test(packet))) return;
      }
    };
    const join = '40{"name":"raw","room":"r"}';
    await (await fetch(`${url}&sid=${sid}`, { method: "POST", body: join })).text();
    await hears(/^40/);
    const ask = '421["ask",1]';
    const sending = connect(port, "127.0.0.1");
    t.after(() => sending.destroy());
    const head = `POST ${path}&sid=${sid} HTTP/1.1\r\nHost: a\r\nContent-Length: ${ask.length}\r\n\r\n`;
    sending.setEncoding("utf8").write(head + ask.slice(0, 4));
    await until("half of it is there", async () => {
      const expression = `Boolean(io.engine.clients[${JSON.stringify(sid)}].transport.dataReq)`;
      return (await old.request({ type: "evaluate", expression })).text === "true";
    });
    await introduce(bench, old, next);
    const answered = hears(/^431\[2,1\]/);
    const gone = handOffIntroduced(bench, old, next);
    // Longer than a move waits for what is not free.
    const late = performance.now() + 250;
    await until("it is late", () => performance.now() > late);
    sending.write(ask.slice(4));
    await answered;
    assert.match(String((await once(sending, "data"))[0]), /^HTTP\/1.1 200/);
    await gone;
  });

  test("may speak the protocol of Socket.IO 2", async (t) => {
    await using bench = new Bench();
    const { old, next, port } = await pairOf(bench, { state: true, options: "allowEIO3: true" });
    const client = new RawClient(port, "EIO=3&transport=websocket");
    t.after(() => client.end());
    await client.hears(/^40/);
    await client.asks('421["ask",1]', /^431\[2,1\]/);
    await handOff(bench, old, next);
    await client.asks('422["ask",1]', /^432\[2,2\]/);
    await client.asks("2", /^3/);
    assert.equal(client.packets.filter((packet) => packet.startsWith("40")).length, 1);
  });

  test("that is awaited by the old version's code is given up, as at a time-out", async (t) => {
    await using bench = new Bench();
    const more = `io.on("connection", (socket) => socket.on("confirm", async (answer) => {
      console.log("asks");
      const given = await socket.timeout(60_000).emitWithAck("sure?").catch(({ message }) => message);
      answer(given);
    }));`;
    const { old, next, port } = await pairOf(bench, { state: true, more });
    const client = new ChatClient(port, "c", "a room", "websocket");
    t.after(() => client.socket.disconnect());
    await client.opened;
    const answered = client.ask("confirm");
    await old.until("the question", () => old.stdout.includes("asks"));
    await handOff(bench, old, next);
    assert.equal(await answered, "operation has timed out");
    assert.deepEqual(client.faults, []);
  });

  test("whose data can't travel stays behind, and nobody else does", async (t) => {
    await using bench = new Bench();
    const more = `io.on("connection", (socket) => {
      if (socket.userName.startsWith("strange")) socket.data.end = function end() {};
    });`;
    const { old, next, port } = await pairOf(bench, { state: true, more });
    const names = ["strange websocket", "strange polling", "plain websocket", "plain polling"];
    const clients = names.map(
      (name) => new ChatClient(port, name, "a room", name.split(" ")[1] as Way),
    );
    t.after(() => {
      for (const { socket } of clients) socket.disconnect();
    });
    await Promise.all(clients.map((client) => client.ask("ask", 0)));
    const before = clients.map(({ socket }) => socket.id);
    await handOff(bench, old, next);
    const left = () => old.events("notice").map(({ text }) => text);
    await until("both are named", () => left().length === 2);
    for (const text of left()) {
      assert.match(text, /stays behind: save: data\.sockets\[0\]\.data\.end is the function end$/);
    }
    const who = await Promise.all(clients.slice(2).map((client) => client.ask("who")));
    assert.deepEqual(
      who.map(({ id, generation }) => [id, generation]),
      before.slice(2).map((id) => [id, 2]),
    );
    const [, polling] = clients;
    await until("it connects anew", () => {
      return polling!.socket.connected && polling!.socket.id !== before[1];
    });
  });

  test("misses nothing when the upgrade is given up after it was told of", async (t) => {
    await using bench = new Bench();
    const more = `
      let said = 0;
      if (generation === 1) setInterval(() => io.emit("count", said++), 5);
      else io.on("connection", () => {
        for (const begun = Date.now(); Date.now() < begun + 50; );
        throw new Error("not now");
      });`;
    const { old, next, port } = await pairOf(bench, { state: true, more });
    const clients = EVERY_WAY.map((way) => new ChatClient(port, way, "a room", way));
    const heard = clients.map(({ socket }) => {
      const numbers: number[] = [];
      socket.on("count", (number) => numbers.push(number));
      return numbers;
    });
    t.after(() => {
      for (const { socket } of clients) socket.disconnect();
    });
    await until("all hear", () => heard.every(({ length }) => length > 0));
    await assert.rejects(handOff(bench, old, next), /not now/);
    await next.stop();
    const lengths = heard.map(({ length }) => length);
    await old.request({ type: "thaw" });
    await until("all hear more", () => {
      return heard.every((numbers, at) => numbers.length > lengths[at]! + 10);
    });
    for (const [first, ...rest] of heard) {
      assert.deepEqual(
        rest,
        rest.map((_, at) => first! + at + 1),
      );
    }
  });

  test("that ends meanwhile ends in the next version, which knows its name", async () => {
    await using bench = new Bench();
    const { old, next, port } = await pairOf(bench, { state: true });
    const client = new RawClient(port);
    await client.hears(/^0/);
    await client.asks('40{"name":"raw","room":"r"}', /^40/);
    await old.request({ type: "freeze", timeoutMs: 4_000 });
    client.end();
    await handOff(bench, old, next);
    await next.until("the end", () => /left 2 raw transport/.test(next.stdout));
    assert.doesNotMatch(old.stdout, /left/);
  });

  const comeBack: [string, ChatOptions][] = [
    ["the next version registers no server", { register: false }],
    ["`restore` throws", { restore: "throw new Error('not like this')" }],
  ];
  for (const [when, to] of comeBack) {
    test(`comes back as another one where ${when}`, async (t) => {
      await using bench = new Bench();
      const { old, next, port } = await pairOf(bench, { state: true }, { state: true, ...to });
      const clients = EVERY_WAY.map((way) => new ChatClient(port, way, "a room", way));
      t.after(() => {
        for (const { socket } of clients) socket.disconnect();
      });
      await Promise.all(clients.map(({ opened }) => opened));
      const before = clients.map(({ socket }) => socket.id);
      await handOff(bench, old, next);
      await until("all again", () =>
        clients.every(({ socket }, at) => socket.connected && socket.id !== before[at]),
      );
      const all = await Promise.all(clients.map((client) => client.ask("who")));
      assert.deepEqual(
        all.map(({ generation, carried }) => [generation, carried]),
        clients.map(() => [2, false]),
      );
    });
  }
});
