import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import { WebSocket } from "ws";
import { Bench, handOff, NODES, portOf } from "../helpers/workerHarness.ts";

const standby = { boot: { mode: "standby", generation: 2 } } as const;
/** Another version of ws may be named, to test the private fields that a carry needs. */
const WS =
  process.env.TSUGI_TEST_WS ?? new URL("../../node_modules/ws/wrapper.mjs", import.meta.url).href;

const app = (options = "{}") => `
  import http from "node:http";
  import { WebSocketServer } from ${JSON.stringify(WS)};
  import { hot } from "tsugi/hot";
  const counter = hot.state("counter", { initial: () => ({ n: 0 }) });
  const generation = hot.release.generation;
  const server = http.createServer((req, res) => res.end(String(generation)));
  const wss = new WebSocketServer({ server, path: "/feed", ...${options} });
  hot.websockets(wss, {
    save: (ws) => ({ user: ws.user, seen: ws.seen }),
    restore: (ws, data) => Object.assign(ws, data),
  });
  wss.on("connection", (ws, req) => {
    if (!hot.carried(ws)) {
      ws.user = new URL(req.url, "http://a").searchParams.get("user");
      ws.seen = 0;
      ws.send("welcome " + ws.user);
    }
    ws.on("close", () => console.log("closed", generation, ws.user));
    ws.on("message", async (data, isBinary) => {
      const text = String(data);
      if (text.startsWith("slow")) await new Promise((resolve) => setTimeout(resolve, 150));
      counter.value.n += 1;
      ws.seen += 1;
      const answer = [generation, ws.user, ws.seen, counter.value.n, isBinary, text.length > 100 ? text.length : text];
      ws.send(answer.join(" "));
    });
  });
  server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));
`;

class Client {
  readonly socket: WebSocket;
  readonly messages: string[] = [];
  closed: number | undefined;
  #watchers = new Set<() => void>();

  constructor(port: number, user: string, options = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/feed?user=${user}`, options);
    this.socket.on("message", (data) => this.#note(() => this.messages.push(String(data))));
    this.socket.on("close", (code) => this.#note(() => (this.closed = code)));
    this.socket.on("error", () => {});
  }

  #note(change: () => void): void {
    change();
    for (const watcher of [...this.#watchers]) watcher();
  }

  async received(count: number): Promise<void> {
    const enough = () => this.messages.length >= count || this.closed !== undefined;
    if (!enough()) {
      await new Promise<void>((resolve, reject) => {
        const fail = () => reject(new Error(`not ${count} messages: ${this.messages.slice(-3)}`));
        const timer = setTimeout(fail, 60_000);
        const check = () => {
          if (!enough()) return;
          clearTimeout(timer);
          this.#watchers.delete(check);
          resolve();
        };
        this.#watchers.add(check);
      });
    }
    assert.equal(this.closed, undefined, "the WebSocket was closed");
  }

  /** The raw socket, to send a frame in pieces. */
  get raw(): net.Socket {
    return (this.socket as unknown as { _socket: net.Socket })._socket;
  }
}

const tick = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A client's frame with an empty mask. */
function frame(opcode: number, text: string, fin = true): Buffer {
  const length =
    text.length < 126 ? [0x80 | text.length] : [0x80 | 126, text.length >> 8, text.length & 0xff];
  return Buffer.concat([
    Buffer.from([(fin ? 0x80 : 0) | opcode, ...length, 0, 0, 0, 0]),
    Buffer.from(text),
  ]);
}

for (const node of NODES) {
  describe(`WebSockets on ${node}`, () => {
    const setUp = async (bench: Bench, options?: string) => {
      const old = bench.start(app(options));
      const port = await portOf(old);
      const next = bench.start(app(options), standby);
      await next.event("ready");
      return { old, next, port };
    };

    for (const compressed of [false, true]) {
      const options = `{ perMessageDeflate: ${compressed && "{ threshold: 0 }"} }`;
      test(`a registered one goes on, with its data, ${compressed ? "" : "un"}compressed`, async () => {
        await using bench = new Bench(node);
        const { old, next, port } = await setUp(bench, options);
        const clients = Array.from({ length: 5 }, (_, i) => new Client(port, `u${i}`));
        await Promise.all(clients.map((client) => client.received(1)));
        for (const client of clients) client.socket.send("before");
        await Promise.all(clients.map((client) => client.received(2)));
        const { carried, left } = await handOff(bench, old, next);
        assert.deepEqual([carried, left], [5, 0]);
        for (const client of clients) client.socket.send(Buffer.from("after ".repeat(1000)));
        await Promise.all(clients.map((client) => client.received(3)));
        clients.forEach(({ messages }, i) => {
          assert.equal(messages[0], `welcome u${i}`);
          assert.match(messages[1]!, new RegExp(`^1 u${i} 1 \\d false before$`));
          assert.match(messages[2]!, new RegExp(`^2 u${i} 2 \\d+ true 6000$`));
        });
        assert.equal(clients[0]!.socket.extensions !== "", compressed);
        assert.doesNotMatch(old.stdout, /closed/);
        await Promise.all(
          clients.map(({ socket }) => {
            socket.close();
            return once(socket, "close");
          }),
        );
        await next.until("closes", () => next.stdout.match(/closed 2/g)?.length === 5);
      });
    }

    test("steady traffic loses nothing, in order, over several handoffs", async () => {
      await using bench = new Bench(node);
      let { old, next, port } = await setUp(bench, "{ perMessageDeflate: { threshold: 100 } }");
      const clients = Array.from({ length: 20 }, (_, i) => new Client(port, `u${i}`));
      await Promise.all(clients.map((client) => client.received(1)));
      let going = true;
      const load = clients.map(async ({ socket }, i) => {
        let sent = 0;
        while (going) {
          for (let burst = 0; burst < 5; burst++) {
            socket.send(`${sent++} `.padEnd(i % 3 === 0 ? 20_000 : 10, "x"));
          }
          await tick(5);
        }
        return sent;
      });
      for (let generation = 3; generation <= 5; generation++) {
        await tick(100);
        await handOff(bench, old, next);
        old = next;
        next = bench.start(app("{ perMessageDeflate: { threshold: 100 } }"), {
          boot: { mode: "standby", generation },
        });
        await next.event("ready");
      }
      going = false;
      const sent = await Promise.all(load);
      await Promise.all(clients.map((client, i) => client.received(1 + sent[i]!)));
      clients.forEach(({ messages }, i) => {
        const numbers = messages.slice(1).map((text) => Number(text.split(" ")[2]));
        assert.deepEqual(
          numbers,
          Array.from({ length: sent[i]! }, (_, n) => n + 1),
        );
      });
    });

    test("a message under way until its promise settles holds the freeze", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench);
      const client = new Client(port, "a");
      await client.received(1);
      client.socket.send("slow");
      await tick(30);
      client.socket.send("waits");
      await tick(20);
      await handOff(bench, old, next);
      await client.received(3);
      const [first, second] = client.messages.slice(1).sort();
      assert.match(first!, /^1 a \d 1|^1 a \d 2/);
      assert.match(second!, /^[12] a 2 2/);
    });

    test("half a header, half a payload, half a fragmented message go on", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench);
      const long = "y".repeat(300);
      const whole: Buffer[] = [
        frame(1, "short"),
        frame(2, long),
        Buffer.concat([frame(1, "one ", false), frame(0, "two ", false), frame(0, "three")]),
        Buffer.concat([frame(1, "", false), frame(9, "ping"), frame(0, long)]),
      ];
      // Each message cut at many places, one connection for each cut.
      const cuts = whole.flatMap((bytes) =>
        Array.from({ length: Math.min(bytes.length, 40) - 1 }, (_, i) => ({ bytes, at: i + 1 })),
      );
      const clients = await Promise.all(
        cuts.map(async ({ bytes, at }, i) => {
          const client = new Client(port, `c${i}`, { perMessageDeflate: false });
          await client.received(1);
          client.raw.write(bytes.subarray(0, at));
          return client;
        }),
      );
      await tick(100);
      const { carried } = await handOff(bench, old, next);
      assert.equal(carried, cuts.length);
      for (const [i, client] of clients.entries())
        client.raw.write(cuts[i]!.bytes.subarray(cuts[i]!.at));
      await Promise.all(clients.map((client) => client.received(2)));
      const texts = ["short", "300", "one two three", "300"];
      for (const [i, { messages }] of clients.entries()) {
        const expected = texts[whole.indexOf(cuts[i]!.bytes)]!;
        assert.match(
          messages[1]!,
          new RegExp(`^2 c${i} 1 \\d+ (true|false) ${expected}$`),
          `cut ${i}`,
        );
        assert.equal(messages.length, 2);
      }
    });

    test("a compressed message goes on between its fragments", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench, "{ perMessageDeflate: { threshold: 0 } }");
      const client = new Client(port, "a", { perMessageDeflate: { threshold: 0 } });
      await client.received(1);
      client.socket.send("part one ", { fin: false, compress: true });
      await tick(50);
      await handOff(bench, old, next);
      client.socket.send("part two", { fin: true, compress: true });
      await client.received(2);
      assert.equal(client.messages[1], "2 a 1 1 false part one part two");
      client.socket.send("next");
      await client.received(3);
      assert.equal(client.messages[2], "2 a 2 2 false next");
    });

    test("a message that is being inflated holds no freeze; the next process hears it", async () => {
      await using bench = new Bench(node);
      const slowly = `
        const deflate = ws._extensions["permessage-deflate"];
        const { decompress } = deflate;
        if (generation === 1) deflate.decompress = (...parts) => {
          process.once("SIGUSR2", () => decompress.apply(deflate, parts));
          console.log("inflates");
        };`;
      const source = app("{ perMessageDeflate: { threshold: 0 } }").replace(
        'wss.on("connection", (ws, req) => {',
        (begin) => begin + slowly,
      );
      const old = bench.start(source);
      const port = await portOf(old);
      const next = bench.start(source, standby);
      const client = new Client(port, "a", { perMessageDeflate: { threshold: 0 } });
      await client.received(1);
      client.socket.send("first");
      await old.until("inflates", () => old.stdout.includes("inflates"));
      await handOff(bench, old, next);
      old.child.kill("SIGUSR2");
      await client.received(2);
      client.socket.send("second");
      await client.received(3);
      assert.deepEqual(client.messages.slice(1), ["2 a 1 1 false first", "2 a 2 2 false second"]);
    });

    test("hot.sockets carries plain TCP, with what was read and what was saved", async () => {
      await using bench = new Bench(node);
      const tcp = `
        import net from "node:net";
        import { hot } from "tsugi/hot";
        hot.state("n", { initial: () => 0 });
        const generation = hot.release.generation;
        const server = net.createServer((socket) => {
          if (!hot.carried(socket)) { socket.name = "n" + socket.remotePort; socket.rest = ""; socket.write("hello\\n"); }
          socket.on("data", (data) => {
            const lines = (socket.rest + data).split("\\n");
            socket.rest = lines.pop();
            for (const line of lines) socket.write([generation, socket.name, line].join(" ") + "\\n");
          });
        });
        hot.sockets(server, {
          save: ({ name, rest }) => ({ name, rest }),
          restore: (socket, saved) => Object.assign(socket, saved),
        });
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
      const old = bench.start(tcp);
      const port = await portOf(old);
      const next = bench.start(tcp, standby);
      const socket = net.connect(port, "127.0.0.1").setEncoding("utf8");
      let text = "";
      socket.on("data", (part) => (text += part));
      socket.write("first\nsec");
      await old.until("first", () => undefined, 300).catch(() => {});
      await handOff(bench, old, next);
      socket.write("ond\n");
      await next.event("adopted");
      await tick(100);
      const name = `n${socket.localPort}`;
      assert.equal(text, `hello\n1 ${name} first\n2 ${name} second\n`);
      socket.destroy();
    });

    test("an unregistered WebSocket has a drain of its own; a slow response has the longer one", async () => {
      await using bench = new Bench(node);
      const source = app()
        .replace(/hot\.websockets\(.*?\}\);/s, "")
        .replace(
          "(req, res) => res.end(",
          "(req, res) => setTimeout(() => res.end('slow'), 2000, ",
        );
      const old = bench.start(
        source.replace(/const counter = .*/, "const counter = { value: { n: 0 } };"),
      );
      const port = await portOf(old);
      const next = bench.start(source, standby);
      const client = new Client(port, "a");
      await client.received(1);
      const slow = fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
      await tick(200);
      await handOff(bench, old, next);
      const drain = { type: "drain", drainMs: 10_000, webSocketDrainMs: 100 } as const;
      const drained = old.request(drain);
      await client.received(99).catch(() => {});
      assert.equal(client.closed, 1012);
      const isAnswered = await Promise.race([slow, tick(1).then(() => false)]);
      assert.equal(isAnswered, false);
      assert.equal(await slow, "slow");
      const { lost, closed } = await drained;
      assert.deepEqual([lost, closed], [0, 1]);
    });

    test("an unregistered WebSocket stays, and is told 1012 when the drain ends", async () => {
      await using bench = new Bench(node);
      const source = app().replace(/hot\.websockets\(.*?\}\);/s, "");
      const old = bench.start(source);
      const port = await portOf(old);
      const next = bench.start(source, standby);
      const client = new Client(port, "a");
      await client.received(1);
      const { carried, left } = await handOff(bench, old, next);
      assert.deepEqual([carried, left], [0, 1]);
      client.socket.send("still");
      await client.received(2);
      const drained = await old.request({ type: "drain", drainMs: 100 });
      assert.deepEqual(drained, { drained: 1, lost: 0 });
      await client.received(99).catch(() => {});
      assert.equal(client.closed, 1012);
    });
  });
}
