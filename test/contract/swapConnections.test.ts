/** What a swap does with open WebSockets and TCP connections: they go on as the objects that they are. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import WebSocket from "ws";
import { certificateIn } from "../helpers/certificate.ts";
import { until } from "../helpers/installed.ts";
import { Swapping } from "../helpers/swap.ts";
import { Bench, handOff, NODES } from "../helpers/workerHarness.ts";

const ws = import.meta.resolve("ws");

interface Chat {
  /** Options of the `WebSocketServer`. */
  options?: string;
  /** Makes `server`. */
  server?: string;
  /** In the 'message' listener, before the answer. */
  before?: string;
  more?: string;
}

/** Answers with its version, a count that is kept per connection, and one that is a state. */
const chat = (version: number, { options = "", server, before = "", more = "" }: Chat = {}) => `
  import http from "node:http";
  import https from "node:https";
  import { WebSocketServer } from ${JSON.stringify(ws)};
  import { hot } from "tsugi/hot";
  hot.accept();
  const total = hot.state("total", { initial: () => ({ n: 0 }) });
  const server = ${server ?? "http.createServer()"};
  const wss = new WebSocketServer({ server, ${options} });
  hot.websockets(wss, {
    save: (ws, request) => ({ count: ws.count, url: request.url }),
    restore: (ws, { count, url }, request) => { ws.count = count; ws.same = url === request.url; },
  });
  wss.on("connection", (ws, request) => {
    if (!hot.carried(ws)) { ws.count = 0; ws.same = true; ws.leftBy = ${version}; }
    ws.on("message", async (text) => {
      ${before}
      total.value.n += 1;
      ws.send("v${version} " + ++ws.count + " " + ws.same + " " + ws.leftBy + " " + text);
    });
    ws.on("close", () => console.log("v${version} closed " + total.value.n));
  });
  ${more}
  server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));
`;

/** A client that remembers all that it heard. */
class Client {
  readonly socket: WebSocket;
  readonly heard: string[] = [];
  isClosed = false;

  constructor(url: string, options: WebSocket.ClientOptions = {}) {
    this.socket = new WebSocket(url, { rejectUnauthorized: false, ...options });
    this.socket.on("message", (text) => this.heard.push(String(text)));
    this.socket.on("close", () => {
      this.isClosed = true;
    });
  }

  static async open(url: string, options?: WebSocket.ClientOptions): Promise<Client> {
    const client = new Client(url, options);
    await once(client.socket, "open");
    return client;
  }

  async hears(text: string): Promise<void> {
    await until(`"${text}" among ${this.heard.join(", ")}`, () => this.heard.includes(text));
  }

  async asks(text: string, answer: string): Promise<void> {
    this.socket.send(text);
    await this.hears(`${answer} ${text}`);
  }
}

const evaluate = async (swapping: Swapping, expression: string) => {
  const request = { type: "evaluate", expression } as const;
  return (await swapping.worker.request(request, undefined, swapping.generation)).text;
};

const freeze = (swapping: Swapping, generation: number) =>
  swapping.worker.request({ type: "freeze", timeoutMs: 4_000 }, undefined, generation);

for (const node of NODES) {
  describe(`on ${node}`, () => {
    test("a WebSocket is the same object afterwards, with what `restore` gives it and no more", async () => {
      await using bench = new Bench(node);
      const seen = "globalThis.seen ??= new Set(); wss.on('connection', (ws) => seen.add(ws));";
      const swapping = await Swapping.start(bench, chat(1, { more: seen }));
      const client = await Client.open(`ws://127.0.0.1:${await swapping.port}/room`);
      await client.asks("a", "v1 1 true 1");
      for (let version = 2; version <= 4; version++) {
        const { lost, running } = await swapping.swap(chat(version, { more: seen }));
        assert.deepEqual([lost, running], [0, []]);
        await client.asks("b", `v${version} ${version} true undefined`);
      }
      assert.equal(await evaluate(swapping, "globalThis.seen.size"), "1");
      client.socket.close();
      await swapping.worker.until("close", () => /v4 closed 4/.test(swapping.worker.stdout));
      assert.doesNotMatch(swapping.worker.stdout, /v[123] closed/);
    });

    test("what comes while it is held is heard by the new code, in order, and once", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, chat(1));
      const client = await Client.open(`ws://127.0.0.1:${await swapping.port}`);
      await client.asks("0", "v1 1 true 1");
      await swapping.load(chat(2));
      await freeze(swapping, 1);
      for (const text of ["1", "2", "3", "4"]) client.socket.send(text);
      // Somebody else's message has come, so theirs has too.
      await swapping.worker.until("held", async () => (await evaluate(swapping, "1 + 1")) === "2");
      await swapping.worker.request({ type: "swapCarry" }, undefined, 2);
      await swapping.worker.request({ type: "activate" }, undefined, 2);
      await swapping.worker.request({ type: "moveConnections" }, undefined, 1);
      await client.hears("v2 5 true undefined 4");
      const wanted = ["1", "2", "3", "4"].map((it) => `v2 ${Number(it) + 1} true undefined ${it}`);
      assert.deepEqual(client.heard, ["v1 1 true 1 0", ...wanted]);
      client.socket.terminate();
    });

    test("after a thaw the old code hears it", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, chat(1));
      const client = await Client.open(`ws://127.0.0.1:${await swapping.port}`);
      await swapping.load(chat(2));
      await freeze(swapping, 1);
      for (const text of ["1", "2"]) client.socket.send(text);
      await evaluate(swapping, "1");
      await swapping.worker.request({ type: "thaw" }, undefined, 1);
      await client.hears("v1 2 true 1 2");
      await client.asks("3", "v1 3 true 1");
      client.socket.terminate();
    });

    test("one that closes meanwhile is told to the new code", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, chat(1));
      const client = await Client.open(`ws://127.0.0.1:${await swapping.port}`);
      await client.asks("0", "v1 1 true 1");
      await swapping.load(chat(2));
      await freeze(swapping, 1);
      client.socket.close();
      await once(client.socket, "close");
      await swapping.takeOver(1, 2);
      await swapping.worker.until("close", () => /v2 closed 1/.test(swapping.worker.stdout));
      assert.doesNotMatch(swapping.worker.stdout, /v1 closed/);
    });

    test("wss:// survives, and so does compression that remembers", async () => {
      await using bench = new Bench(node);
      const { key, cert } = certificateIn(bench.folder, "one");
      const server = `https.createServer({ key: ${JSON.stringify(key)}, cert: ${JSON.stringify(cert)} })`;
      const secure: Chat = { server, options: "perMessageDeflate: { threshold: 0 }" };
      const swapping = await Swapping.start(bench, chat(1, secure));
      const url = `wss://127.0.0.1:${await swapping.port}`;
      const client = await Client.open(url, { perMessageDeflate: { threshold: 0 } });
      const text = "long ".repeat(500);
      await client.asks(text, "v1 1 true 1");
      for (let version = 2; version <= 4; version++) {
        await swapping.swap(chat(version, secure));
        await client.asks(text, `v${version} ${version} true undefined`);
      }
      assert.equal(client.isClosed, false);
      client.socket.terminate();
    });

    test("where the server's options differ, a connection is built again", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, chat(1));
      const client = await Client.open(`ws://127.0.0.1:${await swapping.port}`);
      await client.asks("0", "v1 1 true 1");
      await swapping.load(chat(2, { options: "maxPayload: 10" }));
      await freeze(swapping, 1);
      client.socket.send("1");
      client.socket.send("2");
      await evaluate(swapping, "1");
      await swapping.takeOver(1, 2);
      await client.hears("v2 3 true undefined 2");
      assert.deepEqual(client.heard.slice(1, 2), ["v2 2 true undefined 1"]);
      client.socket.send("more than ten bytes");
      const [code] = await once(client.socket, "close");
      assert.equal(code, 1009);
    });

    test("without state: a message under way ends in the old code, the next is the new one's", async () => {
      await using bench = new Bench(node);
      const slow = "if (String(text) === 'slow') await new Promise((go) => setTimeout(go, 200));";
      const stateless = (version: number) =>
        chat(version, { before: slow }).replace(/hot\.state\(.*\)/, "{ value: { n: 0 } }");
      const swapping = await Swapping.start(bench, stateless(1));
      const client = await Client.open(`ws://127.0.0.1:${await swapping.port}`);
      await swapping.load(stateless(2));
      client.socket.send("slow");
      await new Promise((go) => setTimeout(go, 50));
      await swapping.worker.request({ type: "activate" }, undefined, 2);
      const released = swapping.worker.request({ type: "moveConnections" }, undefined, 1);
      client.socket.send("next");
      await client.hears("v2 2 true undefined next");
      await released;
      assert.deepEqual(client.heard, ["v1 1 true 1 slow", "v2 2 true undefined next"]);
      client.socket.terminate();
    });

    test("hundreds of them, over and over, none lost", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, chat(1));
      const url = `ws://127.0.0.1:${await swapping.port}`;
      const clients: Client[] = [];
      for (let batch = 0; batch < 5; batch++) {
        const open = Array.from({ length: 100 }, () => Client.open(url));
        clients.push(...(await Promise.all(open)));
      }
      for (let version = 2; version <= 3; version++) {
        await swapping.load(chat(version));
        await swapping.takeOver(version - 1, version);
        swapping.generation = version;
        for (const client of clients) client.socket.send("x");
        for (const client of clients)
          await client.hears(`v${version} ${version - 1} true undefined x`);
        await swapping.leave(version - 1);
      }
      assert.ok(clients.every(({ isClosed }) => !isClosed));
      for (const { socket } of clients) socket.terminate();
    });

    test("a TCP connection is read from where the old code stopped, as the new code wants it", async () => {
      await using bench = new Bench(node);
      const lines = (version: number, encoding: string) => `
        import net from "node:net";
        import { hot } from "tsugi/hot";
        hot.accept();
        hot.state("none", { initial: () => 0 });
        const server = net.createServer((socket) => {
          ${encoding}
          if (!hot.carried(socket)) socket.write("hello;");
          socket.on("data", (data) => socket.write("v${version} " + (typeof data) + " " + data + ";"));
          socket.on("close", () => console.log("v${version} closed"));
        });
        hot.sockets(server);
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
      const text = 'socket.setEncoding("utf8");';
      const swapping = await Swapping.start(bench, lines(1, text));
      const socket = net.connect(await swapping.port, "127.0.0.1");
      let heard = "";
      socket.setEncoding("utf8").on("data", (data) => (heard += data));
      await until("hello", () => heard === "hello;");
      const euro = Buffer.from("€");
      socket.write("a");
      await until("a", () => heard.endsWith("v1 string a;"));
      // Two bytes of a character: decoded by nobody yet.
      socket.write(euro.subarray(0, 2));
      await until("two bytes", async () =>
        (
          await evaluate(swapping, "process._getActiveHandles().map((it) => it.bytesRead).join()")
        ).includes("3"),
      );
      await swapping.swap(lines(2, text));
      socket.write(euro.subarray(2));
      await until("the character", () => heard.endsWith("v2 string €;"));
      await swapping.swap(lines(3, ""));
      socket.write("b");
      await until("bytes", () => heard.endsWith("v3 object b;"));
      socket.destroy();
      await swapping.worker.until("close", () => /v3 closed/.test(swapping.worker.stdout));
      assert.doesNotMatch(swapping.worker.stdout, /v[12] closed/);
    });
  });
}

for (const node of NODES) {
  test(`a connection of before a swap is carried by a handoff after it (${node})`, async () => {
    await using bench = new Bench(node);
    const source = (version: number) => `
      import http from "node:http";
      import { hot } from "tsugi/hot";
      hot.accept();
      const total = hot.state("total", { initial: () => ({ n: 0 }) });
      const server = http.createServer(async (request, response) => {
        let body = "";
        for await (const chunk of request) body += chunk;
        response.end("v${version} " + ++total.value.n + " " + body + ".");
      });
      server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
    const swapping = await Swapping.start(bench, source(1));
    const client = net.connect(await swapping.port, "127.0.0.1");
    let heard = "";
    client.on("data", (bytes) => {
      heard += bytes;
    });
    const ended = once(client, "close").then(() => "closed");
    const answered = (text: string) => until(text, () => heard.endsWith(text));
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await answered("v1 1 .");
    await swapping.swap(source(2));
    const next = bench.start(source(3), { boot: { mode: "standby", generation: 3 } });
    assert.equal((await handOff(bench, swapping.worker, next)).carried, 1);
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await Promise.race([answered("v3 2 ."), ended.then(assert.fail)]);
    client.destroy();
  });
}
