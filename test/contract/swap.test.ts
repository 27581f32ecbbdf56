/** Swaps in place inside the built worker. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { describe, test } from "node:test";
import WebSocket from "ws";
import { certificateIn } from "../helpers/certificate.ts";
import { until } from "../helpers/installed.ts";
import { Swapping } from "../helpers/swap.ts";
import { Bench, NODES, type WorkerError } from "../helpers/workerHarness.ts";

/** Counts in a state; every answer says which version it came from. */
const app = (version: number, more = "", state = "{ initial: () => ({ n: 0 }) }") => `
  import http from "node:http";
  import { hot } from "tsugi/hot";
  hot.accept();
  const counter = hot.state("counter", ${state});
  const server = http.createServer(async (req, res) => {
    if (req.url === "/slow") await new Promise((resolve) => setTimeout(resolve, 150));
    if (req.url === "/where") return res.end(new Error("here").stack.split("\\n")[1]);
    if (req.url === "/stream") {
      res.write("v${version} ");
      await new Promise((resolve) => setTimeout(resolve, 300));
      return res.end("v${version}");
    }
    counter.value.n += 1;
    res.end("v${version} " + counter.value.n);
  });
  ${more}
  server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));
`;

const agent = () => new http.Agent({ keepAlive: true, maxSockets: 1 });

async function get(port: number, path = "/", using: http.Agent | false = false) {
  const request = http.get({ port, path, agent: using });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const { localPort } = response.socket;
  let text = "";
  for await (const chunk of response) text += chunk;
  return { text, port: localPort };
}

const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const node of NODES) {
  describe(`on ${node}`, () => {
    test("new code answers on the same connection, with the same state", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, app(1));
      const port = await swapping.port;
      const keepAlive = agent();
      const before = await get(port, "/", keepAlive);
      assert.equal(before.text, "v1 1");
      for (let version = 2; version <= 5; version++) {
        const { lost, running, stayed } = await swapping.swap(app(version));
        assert.deepEqual([lost, running, stayed], [0, [], 1]);
        const after = await get(port, "/", keepAlive);
        assert.deepEqual(after, { text: `v${version} ${(version - 1) * 2}`, port: before.port });
        assert.equal((await get(port)).text, `v${version} ${version * 2 - 1}`);
      }
      keepAlive.destroy();
    });

    test("a request that waits goes on in the new code; one under way ends in the old", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, app(1));
      const port = await swapping.port;
      const keepAlive = agent();
      await get(port, "/", keepAlive);
      await swapping.load(app(2));
      const slow = get(port, "/slow");
      const stream = get(port, "/stream");
      await soon(50);
      const frozen = swapping.worker.request({ type: "freeze", timeoutMs: 4_000 }, undefined, 1);
      await soon(20);
      const onKept = get(port, "/", keepAlive);
      const onFresh = get(port, "/");
      await frozen;
      assert.equal((await slow).text, "v1 2");
      await swapping.worker.request({ type: "swapCarry" }, undefined, 2);
      await swapping.worker.request({ type: "activate" }, undefined, 2);
      const texts = [(await onKept).text, (await onFresh).text].sort();
      assert.deepEqual(texts, ["v2 3", "v2 4"]);
      await swapping.worker.request({ type: "moveConnections" }, undefined, 1);
      assert.equal((await stream).text, "v1 v1");
      const { lost } = await swapping.leave(1, 2_000);
      assert.equal(lost, 0);
      keepAlive.destroy();
    });

    test("a hand-back gives sockets and state to the old code again", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, app(1));
      const port = await swapping.port;
      const keepAlive = agent();
      await get(port, "/", keepAlive);
      const state = `{ version: 2, initial: () => ({ n: 0, more: 1 }),
        upgrade: { 1: ({ n }) => ({ n: n + 100, more: 1 }) },
        downgrade: { 2: ({ n }) => ({ n: n - 100 }) } }`;
      await swapping.load(app(2, "", state));
      await swapping.takeOver(1, 2);
      assert.equal((await get(port, "/", keepAlive)).text, "v2 102");
      await swapping.takeOver(2, 1);
      assert.equal((await get(port, "/", keepAlive)).text, "v1 3");
      assert.equal((await get(port)).text, "v1 4");
      await swapping.leave(2);
      await swapping.loadAs(3, app(3));
      await swapping.takeOver(1, 3);
      assert.equal((await get(port, "/", keepAlive)).text, "v3 5");
      await swapping.leave(1);
      assert.equal((await get(port)).text, "v3 6");
      keepAlive.destroy();
    });

    test("what throws while it loads, or in its migration, leaves the old one as it was", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, app(1));
      const port = await swapping.port;
      await get(port);
      await assert.rejects(swapping.load(app(2, 'throw new Error("boom");')), /boom/);
      await swapping.worker.request({ type: "unload" }, undefined, 2);
      assert.equal((await get(port)).text, "v1 2");
      const bad =
        '{ version: 2, initial: () => 0, upgrade: { 1: () => { throw new Error("no") } } }';
      await swapping.loadAs(3, app(3, "", bad));
      await assert.rejects(swapping.takeOver(1, 3), (error) => {
        assert.equal((error as WorkerError).json.code, "TSUGI_STATE_FAILED");
        return true;
      });
      await swapping.worker.request({ type: "thaw" }, undefined, 1);
      await swapping.worker.request({ type: "unload" }, undefined, 3);
      assert.equal((await get(port)).text, "v1 3");
      await swapping.loadAs(4, app(4));
      await swapping.takeOver(1, 4);
      assert.equal((await get(port)).text, "v4 4");
    });

    test("a stack trace names the source, of every generation", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, app(1));
      const port = await swapping.port;
      assert.match((await get(port, "/where")).text, /entry\.mjs:8:/);
      await swapping.swap(app(2));
      assert.match((await get(port, "/where")).text, /entry\.mjs:8:/);
    });

    test("top-level await, import(), JSON, import.meta and missing exports are as in a module", async () => {
      await using bench = new Bench(node);
      bench.write("data.json", '{"ok":true}');
      bench.write("later.mjs", "export const later = import.meta.url;");
      const swapping = await Swapping.start(bench, app(1));
      const more = `
        const { later } = await import("./later.mjs");
        const data = await import("./data.json", { with: { type: "json" } });
        const { filename, dirname, url } = import.meta;
        console.log("facts " + JSON.stringify([
          later.endsWith("/later.mjs"), data.default.ok, filename === process.argv[1],
          filename.startsWith(dirname), url.endsWith("v2.mjs"), typeof require, typeof this,
          import.meta.resolve("./x.mjs").endsWith("/x.mjs"),
        ]));`;
      await swapping.swap(app(2, more));
      const all = [true, true, true, true, true, "undefined", "undefined", true];
      await swapping.worker.until("facts", () =>
        swapping.worker.stdout.includes(`facts ${JSON.stringify(all)}`),
      );
      const missing = `import { nothing } from "node:path"; console.log(nothing);`;
      await assert.rejects(swapping.load(missing), /does not provide an export named 'nothing'/);
    });

    test("a port more and a port less", async () => {
      await using bench = new Bench(node);
      const second = (name: string) => `
        const other = http.createServer((req, res) => res.end("${name}"));
        other.listen(0, "127.0.0.1", () => console.log("other", other.address().port));`;
      const swapping = await Swapping.start(bench, app(1));
      const port = await swapping.port;
      // The first listen(0) is the one that version 1 has.
      await swapping.swap(app(2) + second("v2 more"));
      const other = await swapping.worker.until("other port", () =>
        Number(/other (\d+)/.exec(swapping.worker.stdout)?.[1]),
      );
      assert.equal((await get(other)).text, "v2 more");
      assert.equal((await get(port)).text, "v2 1");
      const keepAlive = agent();
      await get(other, "/", keepAlive);
      await swapping.swap(app(3));
      assert.equal((await get(port)).text, "v3 2");
      keepAlive.destroy();
    });

    test("TLS connections survive, and new ones get the new certificate", async () => {
      await using bench = new Bench(node);
      const secure = (version: number, { key, cert }: { key: string; cert: string }) => `
        import https from "node:https";
        import { hot } from "tsugi/hot";
        hot.accept();
        hot.state("counter", { initial: () => 0 });
        const options = { key: ${JSON.stringify(key)}, cert: ${JSON.stringify(cert)} };
        const server = https.createServer(options, (req, res) => res.end("v${version}"));
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
      const swapping = await Swapping.start(bench, secure(1, certificateIn(bench.folder, "one")));
      const port = await swapping.port;
      const keepAlive = new https.Agent({ keepAlive: true, maxSockets: 1 });
      const ask = async (using: https.Agent | false) => {
        const options = { port, agent: using, rejectUnauthorized: false };
        const request = https.get(options);
        const [response] = (await once(request, "response")) as [http.IncomingMessage];
        const socket = response.socket as unknown as import("node:tls").TLSSocket;
        const peer = socket.getPeerCertificate().subject?.CN;
        const { localPort } = socket;
        let text = "";
        for await (const chunk of response) text += chunk;
        return { text, peer, localPort };
      };
      const before = await ask(keepAlive);
      assert.deepEqual([before.text, before.peer], ["v1", "one"]);
      await swapping.swap(secure(2, certificateIn(bench.folder, "two")));
      const kept = await ask(keepAlive);
      assert.deepEqual([kept.text, kept.localPort], ["v2", before.localPort]);
      const fresh = await ask(false);
      assert.deepEqual([fresh.text, fresh.peer], ["v2", "two"]);
      keepAlive.destroy();
    });

    test("HTTP/2 sessions survive", async () => {
      await using bench = new Bench(node);
      const h2 = (version: number) => `
        import http2 from "node:http2";
        import { hot } from "tsugi/hot";
        hot.accept();
        const counter = hot.state("counter", { initial: () => ({ n: 0 }) });
        const server = http2.createServer((req, res) => { counter.value.n++; res.end("v${version} " + counter.value.n); });
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
      const swapping = await Swapping.start(bench, h2(1));
      const session = http2.connect(`http://127.0.0.1:${await swapping.port}`);
      const ask = async () => {
        const stream = session.request({ ":path": "/" }).setEncoding("utf8");
        let text = "";
        for await (const chunk of stream) text += chunk;
        return text;
      };
      assert.equal(await ask(), "v1 1");
      for (let version = 2; version <= 4; version++) {
        await swapping.load(h2(version));
        await swapping.worker.request({ type: "freeze", timeoutMs: 4_000 }, undefined, version - 1);
        const waiting = ask();
        await soon(30);
        await swapping.worker.request({ type: "swapCarry" }, undefined, version);
        await swapping.worker.request({ type: "activate" }, undefined, version);
        assert.equal(await waiting, `v${version} ${version}`);
        await swapping.worker.request({ type: "moveConnections" }, undefined, version - 1);
        await swapping.leave(version - 1);
        swapping.generation = version;
      }
      assert.equal(session.closed, false);
      session.close();
    });

    test("registered WebSockets and TCP connections go over", async () => {
      await using bench = new Bench(node);
      const ws = import.meta.resolve("ws");
      const chat = (version: number) => `
        import { WebSocketServer } from ${JSON.stringify(ws)};
        import net from "node:net";
        import { hot } from "tsugi/hot";
        ${app(
          version,
          `
        const wss = new WebSocketServer({ server });
        hot.websockets(wss, { save: (ws) => ws.count, restore: (ws, count) => { ws.count = count; } });
        wss.on("connection", (ws) => {
          ws.count ??= 0;
          if (!hot.carried(ws)) ws.send("welcome v${version}");
          ws.on("message", (text) => ws.send("v${version} " + ++ws.count + " " + text));
        });
        const lines = net.createServer((socket) => {
          if (!hot.carried(socket)) socket.write("hello ");
          socket.on("data", (data) => socket.write("v${version}:" + data + " "));
        });
        hot.sockets(lines);
        lines.listen(0, "127.0.0.1", () => console.log("lines", lines.address().port));`,
        ).replace('import { hot } from "tsugi/hot";', "")}`;
      const swapping = await Swapping.start(bench, chat(1));
      const port = await swapping.port;
      const lines = await swapping.worker.until("lines", () =>
        Number(/lines (\d+)/.exec(swapping.worker.stdout)?.[1]),
      );
      const client = new WebSocket(`ws://127.0.0.1:${port}`);
      const heard: string[] = [];
      client.on("message", (text) => heard.push(String(text)));
      await once(client, "open");
      const socket = net.connect(lines, "127.0.0.1");
      let line = "";
      socket.setEncoding("utf8").on("data", (text) => (line += text));
      for (let version = 1; version <= 4; version++) {
        if (version > 1) await swapping.swap(chat(version));
        client.send("x");
        socket.write("y");
        const wanted = `v${version} ${version} x`;
        await until(wanted, () => heard.includes(wanted) && line.includes(`v${version}:y`));
      }
      assert.deepEqual(
        heard.filter((it) => it.startsWith("welcome")),
        ["welcome v1"],
      );
      client.terminate();
      socket.destroy();
    });

    test("what the old code leaves running is named until it is gone", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(
        bench,
        app(1, "setInterval(function poll() {}, 50).unref();"),
      );
      const { running } = await swapping.swap(app(2));
      assert.deepEqual(running, ["interval poll of 1.0.0 (generation 1)"]);
      const health = await swapping.worker.request({ type: "health" }, undefined, 2);
      assert.deepEqual(health.running, running);
      const tidy = "const t = setInterval(() => {}, 50); hot.dispose(() => clearInterval(t));";
      await swapping.swap(app(3, tidy));
      const { running: none } = await swapping.swap(app(4));
      assert.deepEqual(none, []);
    });

    test("process listeners of the old code are taken off; a package's are not", async () => {
      await using bench = new Bench(node);
      bench.write("package.mjs", 'process.on("SIGUSR2", function ofPackage() {});');
      const listening = (version: number) =>
        `await import("./package.mjs");
         process.on("SIGTERM", function term${version}() {});
         process.once("SIGUSR2", function once${version}() {});`;
      const swapping = await Swapping.start(bench, app(1, listening(1)));
      await swapping.swap(app(2, listening(2)));
      await swapping.swap(app(3, listening(3)));
      const names = `["SIGTERM", "SIGUSR2"].map((it) => process.listeners(it).map((one) => one.name)).join()`;
      const asked = { type: "evaluate", expression: names } as const;
      const { text } = await swapping.worker.request(asked, undefined, 3);
      assert.equal(text, "term3,ofPackage,once3");
    });

    test("a server that the old code opens while the new one loads is the old one's", async () => {
      await using bench = new Bench(node);
      const opens = `globalThis.openOne = () => http.createServer((req, res) => res.end("v1 late"))
        .listen(0, "127.0.0.1", function () { console.log("late", this.address().port); });`;
      const swapping = await Swapping.start(bench, app(1, opens));
      await swapping.load(
        app(2, "globalThis.openOne(); await new Promise((go) => setTimeout(go, 100));"),
      );
      const late = await swapping.worker.until("late", () =>
        Number(/late (\d+)/.exec(swapping.worker.stdout)?.[1]),
      );
      assert.equal((await get(late)).text, "v1 late");
    });

    test("the heap is as large after 100 swaps as after 10", async () => {
      await using bench = new Bench(node);
      const ballast = (version: number) =>
        `globalThis.heap = () => { globalThis.gc(); return process.memoryUsage().heapUsed; };
         const ballast = Array.from({ length: 200_000 }, (_, index) => "v${version}" + index);
         hot.activate(() => ballast.length);`;
      const swapping = await Swapping.start(bench, app(1, ballast(1)), {
        NODE_OPTIONS: "--expose-gc",
      });
      const port = await swapping.port;
      const keepAlive = agent();
      const heap = async () => {
        await soon(50);
        const request = { type: "evaluate", expression: "globalThis.heap()" } as const;
        await swapping.worker.request(request, undefined, swapping.generation);
        await soon(50);
        const { text } = await swapping.worker.request(request, undefined, swapping.generation);
        return Number(text);
      };
      let after10 = 0;
      for (let swaps = 1; swaps <= 100; swaps++) {
        await swapping.swap(app(swaps + 1, ballast(swaps + 1)));
        assert.equal((await get(port, "/", keepAlive)).text, `v${swaps + 1} ${swaps}`);
        if (swaps === 10) after10 = await heap();
      }
      const after100 = await heap();
      const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
      assert.ok(after100 < after10 * 1.1, `${megabytes(after10)} → ${megabytes(after100)} MB`);
      keepAlive.destroy();
    });
  });
}
