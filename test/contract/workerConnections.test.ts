import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import {
  Bench,
  carryState,
  handOff,
  handOffIntroduced,
  NODES,
  portOf,
  relay,
  type WorkerError,
} from "../helpers/workerHarness.ts";

const standby = { boot: { mode: "standby", generation: 2 } } as const;

/** Counts in a state; every answer says which generation it came from. */
const app = (options: { state?: boolean } = {}) => `
  import http from "node:http";
  import { hot } from "tsugi/hot";
  const counter = ${options.state === false ? "{ value: { n: 0 } }" : `hot.state("counter", { initial: () => ({ n: 0 }) })`};
  const generation = hot.release.generation;
  const server = http.createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req) body += chunk;
    counter.value.n += 1;
    const n = counter.value.n;
    const [, , ms] = req.url.split("/");
    if (req.url.startsWith("/slow")) await new Promise((resolve) => setTimeout(resolve, ms));
    if (req.url.startsWith("/exempt")) {
      hot.exempt(res);
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
    if (req.url.startsWith("/stream")) {
      res.writeHead(200, { "content-type": "text/plain" });
      for (let i = 0; i < 5; i++) {
        res.write(i + " ");
        await new Promise((resolve) => setTimeout(resolve, ms));
      }
      res.end("done");
      return;
    }
    const text = [generation, n, req.url, body].join(" ");
    res.setHeader("content-length", Buffer.byteLength(text));
    res.end(text);
  });
  server.on("upgrade", (req, socket, head) => {
    socket.write("HTTP/1.1 101 Switching Protocols\\r\\nupgrade: echo\\r\\nconnection: upgrade\\r\\n\\r\\n" + generation + ":" + head);
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));
`;

/** A client that sees every byte: what it sent, what came back, and how the connection ended. */
class RawClient {
  readonly socket: net.Socket;
  text = "";
  ended = "";
  #watchers = new Set<() => void>();

  constructor(port: number) {
    this.socket = net.connect(port, "127.0.0.1");
    this.socket.setEncoding("latin1");
    this.socket.on("data", (text) => {
      this.text += text;
      this.#notify();
    });
    this.socket.on("error", (error) => this.#end(error.message));
    this.socket.on("close", () => this.#end("closed"));
  }

  #end(how: string): void {
    this.ended ||= how;
    this.#notify();
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  get answers(): string[] {
    return [...this.text.matchAll(/\r\n\r\n(\d+ \d+ \S+ \S*)(?=HTTP|$)/g)].map(([, body]) => body!);
  }

  send(path: string): this {
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    return this;
  }

  /** It is with the kernel of the server. */
  async sent(path: string): Promise<void> {
    await new Promise((resolve) =>
      this.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, resolve),
    );
  }

  write(text: string): this {
    this.socket.write(text);
    return this;
  }

  async until(pick: () => boolean, what = "answer"): Promise<void> {
    if (pick()) return;
    await new Promise<void>((resolve, reject) => {
      const fail = () =>
        reject(new Error(`no ${what}: ${JSON.stringify(this.text)} ${this.ended}`));
      const timer = setTimeout(fail, 6000);
      const check = () => {
        if (!pick()) return;
        clearTimeout(timer);
        this.#watchers.delete(check);
        resolve();
      };
      this.#watchers.add(check);
    });
  }

  answered(count: number): Promise<void> {
    return this.until(() => this.answers.length >= count, `answer ${count}`);
  }
}

const tick = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const node of NODES) {
  describe(`connections on ${node}`, () => {
    const setUp = async (bench: Bench, options = {}) => {
      const old = bench.start(app(options));
      const port = await portOf(old);
      const next = bench.start(app(options), standby);
      await next.event("ready");
      return { old, next, port };
    };

    test("an idle keep-alive connection goes on in the next generation", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench);
      const client = new RawClient(port).send("/a");
      await client.answered(1);
      const untouched = new RawClient(port);
      await once(untouched.socket, "connect");
      const { carried, left } = await handOff(bench, old, next);
      assert.deepEqual([carried, left], [2, 0]);
      client.send("/b");
      untouched.send("/c");
      await client.answered(2);
      await untouched.answered(1);
      assert.equal(client.answers[0], "1 1 /a ");
      assert.match(client.answers[1]!, /^2 [23] \/b $/);
      assert.match(untouched.answers[0]!, /^2 [23] \/c $/);
      await next.until("adopted", () => next.adopted.length === 2);
      assert.deepEqual(await old.request({ type: "drain", drainMs: 500 }), { drained: 0, lost: 0 });
    });

    test("a freeze waits for the request under way; new ones wait for the next", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench);
      const idle = new RawClient(port).send("/first");
      await idle.answered(1);
      const slow = new RawClient(port).send("/slow/200");
      await tick(50);
      const frozen = old.request({ type: "freeze", timeoutMs: 3000 });
      await tick(50);
      idle.send("/waits");
      const fresh = new RawClient(port).send("/fresh");
      assert.equal((await frozen).underWay, 1);
      await tick(50);
      assert.equal(idle.answers.length, 1);
      await handOff(bench, old, next);
      await Promise.all([idle.answered(2), slow.answered(1), fresh.answered(1)]);
      assert.equal(slow.answers[0], "1 2 /slow/200 ");
      const later = [idle.answers[1]!, fresh.answers[0]!].sort();
      assert.deepEqual(later.map((text) => text.slice(0, 3)).sort(), ["2 3", "2 4"]);
      assert.equal(idle.ended, "");
    });

    test("who has waited in a pause is counted, also what nobody had read yet", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench);
      const clients = [1, 2, 3].map(() => new RawClient(port).send("/first"));
      await Promise.all(clients.map((client) => client.answered(1)));
      const [first, second] = clients as [RawClient, RawClient];
      await old.request({ type: "freeze", timeoutMs: 3000 });
      await Promise.all([first.sent("/waits"), second.sent("/waits")]);
      assert.equal((await old.request({ type: "thaw" })).waited, 2);
      await Promise.all([first.answered(2), second.answered(2)]);
      await old.request({ type: "freeze", timeoutMs: 3000 });
      await second.sent("/waits");
      const { waited } = await handOffIntroduced(bench, old, next);
      await next.until("adopted", () => next.adopted.length === 3);
      assert.equal(waited, 0, "what goes on is counted where it arrives");
      assert.equal(next.adopted.filter((one) => one.waited).length, 1);
      await second.answered(3);
    });

    test("a freeze that runs out names what held it, and thaws", async () => {
      await using bench = new Bench(node);
      const { old, port } = await setUp(bench);
      const idle = new RawClient(port).send("/first");
      await idle.answered(1);
      const slow = new RawClient(port).send("/slow/1500");
      await tick(1050);
      const freezing = old.request({ type: "freeze", timeoutMs: 200 });
      await tick(20);
      idle.send("/waits");
      await assert.rejects(freezing, (error: WorkerError) => {
        assert.equal(error.json.code, "TSUGI_FREEZE_TIMEOUT");
        assert.match(error.json.message, /held by GET \/slow\/1500 \(\d\.\d s\)/);
        assert.equal(error.holders![0]!.name, "GET /slow/1500");
        assert.ok(error.holders![0]!.ageMs >= 200);
        return true;
      });
      assert.equal((await old.request({ type: "thaw" })).waited, 1);
      await Promise.all([idle.answered(2), slow.answered(1)]);
      const fresh = new RawClient(port).send("/after");
      await fresh.answered(1);
      assert.equal(fresh.answers[0]!.slice(0, 2), "1 ");
    });

    test("a half-received head, a pipeline and a half-sent upload are answered once, in order", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench);
      const half = new RawClient(port).write("GET /half HTTP/1.1\r\nHost: a\r\nX-Lo");
      const afterFirst = new RawClient(port).send("/one");
      await afterFirst.answered(1);
      afterFirst.write("GET /tw");
      const pipeline = new RawClient(port).write(
        ["/slow/150", "/p2", "/p3", "/p4"]
          .map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
          .join(""),
      );
      const upload = new RawClient(port);
      const chunked = new RawClient(port);
      await tick(50);
      const freezing = old.request({ type: "freeze", timeoutMs: 3000 });
      await tick(20);
      // The rest of a head, the begin of a body: all of it after the gate has closed.
      half.write("ng: value\r\n\r\n");
      upload.write("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
      chunked.write(
        "POST /ch HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      );
      pipeline.send("/p5");
      await freezing;
      await handOff(bench, old, next);
      afterFirst.write("o HTTP/1.1\r\nHost: a\r\n\r\n");
      upload.write("67890");
      chunked.write("2\r\nde\r\n0\r\n\r\n");
      await Promise.all([
        half.answered(1),
        afterFirst.answered(2),
        upload.answered(1),
        chunked.answered(1),
        pipeline.answered(5),
      ]);
      assert.match(half.answers[0]!, /^2 \d+ \/half $/);
      assert.match(afterFirst.answers[1]!, /^2 \d+ \/two $/);
      assert.match(upload.answers[0]!, /^2 \d+ \/up 1234567890$/);
      assert.match(chunked.answers[0]!, /^2 \d+ \/ch abcde$/);
      const paths = pipeline.answers.map((text) => text.split(" ")[2]);
      assert.deepEqual(paths, ["/slow/150", "/p2", "/p3", "/p4", "/p5"]);
      const all = [half, afterFirst, upload, chunked, pipeline];
      const numbers = all.flatMap(({ answers }) =>
        answers.map((text) => Number(text.split(" ")[1])),
      );
      assert.deepEqual(
        numbers.sort((a, b) => a - b),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].slice(0, numbers.length),
      );
      assert.deepEqual(
        all.map(({ ended }) => ended),
        ["", "", "", "", ""],
      );
    });

    test("an upload that waits for 100 Continue is told so once", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench);
      const client = new RawClient(port).write("POST /up HTTP/1.1\r\nHost: a\r\nExpect: 100-con");
      await tick(50);
      await old.request({ type: "freeze", timeoutMs: 1000 });
      client.write("tinue\r\nContent-Length: 4\r\n\r\n");
      await client.until(() => client.text.includes("100 Continue"));
      client.write("ab");
      await handOff(bench, old, next);
      client.write("cd");
      await client.answered(1);
      assert.equal(client.text.match(/100 Continue/g)!.length, 1);
      assert.match(client.text, /\r\n\r\n2 1 \/up abcd$/);
    });

    test("held requests come to the application after a thaw", async () => {
      await using bench = new Bench(node);
      const { old, port } = await setUp(bench);
      const client = new RawClient(port).write("GET /ha");
      await tick(50);
      await old.request({ type: "freeze", timeoutMs: 1000 });
      client.write(
        "lf HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab",
      );
      await tick(50);
      assert.equal(client.answers.length, 0);
      await old.request({ type: "thaw" });
      client.write("cd");
      await client.answered(2);
      assert.deepEqual(client.answers, ["1 1 /half ", "1 2 /b abcd"]);
    });

    test("exempt and streaming responses hold nothing, and their connections follow", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench);
      const exempt = new RawClient(port).send("/exempt/300");
      const stream = new RawClient(port).send("/stream/100");
      await stream.until(() => stream.text.includes("0 "));
      const { left } = await handOff(bench, old, next);
      assert.equal(left, 2);
      const drained = old.request({ type: "drain", drainMs: 3000 });
      await exempt.answered(1);
      await stream.until(() => stream.text.includes("done"));
      assert.deepEqual(await drained, { drained: 0, lost: 0 });
      exempt.send("/next");
      stream.send("/next");
      await exempt.answered(2);
      await stream.answered(1);
      assert.match(exempt.answers[1]!, /^2 /);
      assert.match(stream.answers[0]!, /^2 /);
    });

    test("a WebSocket handshake that comes in during the pause is the next generation's", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench);
      const client = new RawClient(port).write("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upg");
      await tick(50);
      await old.request({ type: "freeze", timeoutMs: 1000 });
      client.write("rade\r\nUpgrade: echo\r\n\r\nearly");
      await tick(30);
      await handOff(bench, old, next);
      await client.until(() => client.text.includes("2:early"));
      client.write("more");
      await client.until(() => client.text.endsWith("more"));
    });

    test("without state nothing is frozen, and keep-alive load sees nothing", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench, { state: false });
      const clients = Array.from({ length: 20 }, () => new RawClient(port));
      let going = true;
      const load = clients.map(async (client) => {
        let sent = 0;
        while (going) {
          client.send(`/n${sent++}`);
          await client.answered(sent);
        }
        return sent;
      });
      await tick(150);
      await handOff(bench, old, next);
      await tick(150);
      going = false;
      await Promise.all(load);
      assert.deepEqual(await old.request({ type: "drain", drainMs: 500 }), { drained: 0, lost: 0 });
      for (const { answers, ended } of clients) {
        assert.equal(ended, "");
        assert.equal(answers.at(-1)![0], "2");
        assert.deepEqual(
          answers.map((text) => text.split(" ")[2]),
          answers.map((_, i) => `/n${i}`),
        );
      }
    });

    test("a carried connection is as idle as it was: headersTimeout and server.close() see it so", async () => {
      await using bench = new Bench(node);
      const source = app()
        .replace(
          "server.listen",
          `Object.assign(server, { headersTimeout: 300, connectionsCheckingInterval: 50, keepAliveTimeout: 60_000 });
         globalThis.server = server; server.listen`,
        )
        .replace("createServer(", "createServer({ connectionsCheckingInterval: 50 }, ");
      const old = bench.start(source);
      const port = await portOf(old);
      const client = new RawClient(port).send("/a");
      await client.answered(1);
      const next = bench.start(source, standby);
      await handOff(bench, old, next);
      await next.event("adopted");
      await tick(700);
      assert.equal(client.ended, "");
      client.send("/b");
      await client.answered(2);
      const third = bench.start(source, { boot: { mode: "standby", generation: 3 } });
      await handOff(bench, next, third);
      await third.event("adopted");
      await third.request({ type: "evaluate", expression: "void server.close()" });
      await client.until(() => client.ended !== "", "end");
      assert.equal(client.ended, "closed");
    });

    test("a hand-back: state and connections return, and nobody notices", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench);
      const client = new RawClient(port).send("/a");
      await client.answered(1);
      await handOff(bench, old, next);
      client.send("/b");
      await client.answered(2);
      const slow = new RawClient(port).send("/slow/100");
      await tick(30);
      await next.request({ type: "freeze", timeoutMs: 2000 });
      client.send("/c");
      const { states: wanted } = await old.event("ready");
      await carryState(bench, next, old, wanted);
      await old.request({ type: "thaw" });
      relay(next, old);
      await next.request({ type: "moveConnections" });
      await Promise.all([client.answered(3), slow.answered(1)]);
      assert.deepEqual(client.answers, ["1 1 /a ", "2 2 /b ", "1 4 /c "]);
      assert.equal(slow.answers[0], "2 3 /slow/100 ");
      assert.equal(client.ended + slow.ended, "");
      const fresh = new RawClient(port).send("/d");
      await fresh.answered(1);
      assert.equal(fresh.answers[0], "1 5 /d ");
      assert.equal(old.events("lateAccess").length, 0);
    });

    test("a drain ends what stays, after drainMs, and counts it", async () => {
      await using bench = new Bench(node);
      const { old, next, port } = await setUp(bench, { state: false });
      const stream = new RawClient(port).send("/stream/1000");
      await stream.until(() => stream.text.includes("0 "));
      const { left } = await handOff(bench, old, next);
      assert.equal(left, 1);
      const { drained, lost } = await old.request({ type: "drain", drainMs: 200 });
      assert.deepEqual([drained, lost], [0, 1]);
    });
  });
}
