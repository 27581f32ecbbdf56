import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { WebSocket } from "ws";
import { Bench, handOff, NODES, portOf } from "../helpers/workerHarness.ts";

const standby = { boot: { mode: "standby", generation: 2 } } as const;
const WS = new URL("../../node_modules/ws/wrapper.mjs", import.meta.url).href;

const tick = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A key and a certificate for this test, made by the machine's openssl. */
function certificate(bench: Bench): { key: string; cert: string } {
  const key = join(bench.folder, "key.pem");
  const cert = join(bench.folder, "cert.pem");
  const subject = ["-subj", "/CN=localhost", "-days", "1"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const files = ["-keyout", key, "-out", cert];
  execFileSync("openssl", ["req", "-x509", ...curve, "-nodes", ...files, ...subject], {
    stdio: "ignore",
  });
  return { key, cert };
}

/** In front of a port, and as far from it as another continent. */
async function farFrom(port: number, delayMs: number) {
  const later = (from: net.Socket, to: net.Socket) => {
    from.on("error", () => to.destroy());
    from.on("data", (bytes) => setTimeout(() => to.write(bytes), delayMs));
    from.on("close", () => setTimeout(() => to.destroy(), delayMs));
  };
  const server = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    later(near, far);
    later(far, near);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { port: (server.address() as net.AddressInfo).port, close: () => server.close() };
}

const tlsApp = (bench: Bench, kind: "https" | "http2", state: boolean) => {
  const { key, cert } = certificate(bench);
  const create = kind === "https" ? "https.createServer" : "http2.createSecureServer";
  return `
    import fs from "node:fs";
    import https from "node:https";
    import http2 from "node:http2";
    import { hot } from "tsugi/hot";
    ${state ? `hot.state("n", { initial: () => 0 });` : ""}
    const generation = hot.release.generation;
    const options = { allowHTTP1: true, key: fs.readFileSync(${JSON.stringify(key)}), cert: fs.readFileSync(${JSON.stringify(cert)}) };
    const server = ${create}(options, async (req, res) => {
      if (req.url === "/slow") await new Promise((resolve) => setTimeout(resolve, 300));
      res.end(generation + " " + req.url);
    });
    server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
};

/** One connection at a time, kept open. */
function overTls(port: number) {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  const get = async (path: string) => {
    const request = https.get({ port, host: "127.0.0.1", path, agent });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    return (await response.toArray()).join("");
  };
  return { get, agent };
}

for (const node of NODES) {
  describe(`drain on ${node}`, () => {
    for (const state of [false, true]) {
      const kind = state ? "with" : "without";
      test(`TLS ${kind} state: each connection gets one more answer, none is reset`, async () => {
        await using bench = new Bench(node);
        const source = tlsApp(bench, "https", state);
        const old = bench.start(source);
        const port = await portOf(old);
        const next = bench.start(source, standby);
        const { get, agent } = overTls(port);
        assert.equal(await get("/a"), "1 /a");
        const slow = get("/slow");
        await tick(50);
        const { carried } = await handOff(bench, old, next);
        assert.equal(carried, 0);
        assert.equal(await slow, "1 /slow");
        const drained = old.request({ type: "drain", drainMs: 5000 });
        const texts = [];
        for (const path of ["/b", "/c", "/d"]) texts.push(await get(path));
        assert.deepEqual(
          texts.map((text) => text.slice(2)),
          ["/b", "/c", "/d"],
        );
        assert.equal(texts.at(-1), "2 /d");
        assert.equal((await drained).lost, 0);
        agent.destroy();
      });

      test(`HTTP/2 ${kind} state: GOAWAY, and streams under way finish`, async () => {
        await using bench = new Bench(node);
        const source = tlsApp(bench, "http2", state);
        const old = bench.start(source);
        const port = await portOf(old);
        const next = bench.start(source, standby);
        const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
        const get = async (path: string) => {
          const stream = session.request({ ":path": path }).setEncoding("utf8");
          return (await stream.toArray()).join("");
        };
        assert.equal(await get("/a"), "1 /a");
        const slow = get("/slow");
        const goaway = once(session, "goaway");
        await tick(50);
        await handOff(bench, old, next);
        assert.equal(await slow, "1 /slow");
        const [code] = await goaway;
        assert.equal(code, 0);
        assert.equal((await old.request({ type: "drain", drainMs: 5000 })).lost, 0);
        session.destroy();
      });

      test(`HTTP/1 at an HTTP/2 server ${kind} state: one more answer, as any of TLS`, async () => {
        await using bench = new Bench(node);
        const source = tlsApp(bench, "http2", state);
        const old = bench.start(source);
        const port = await portOf(old);
        const next = bench.start(source, standby);
        const { get, agent } = overTls(port);
        assert.equal(await get("/a"), "1 /a");
        await handOff(bench, old, next);
        const drained = old.request({ type: "drain", drainMs: 5000 });
        assert.deepEqual([await get("/b"), await get("/c")], ["1 /b", "2 /c"]);
        assert.equal((await drained).lost, 0);
        agent.destroy();
      });
    }

    /** Asks twice on one connection: before an upgrade, and after it. */
    const askAround = async (bench: Bench, source: string, nextSource: string, opening = "") => {
      const old = bench.start(source);
      const client = net.connect(await portOf(old), "127.0.0.1");
      const ask = async () => {
        client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        const [answer] = await once(client, "data");
        return `${answer}`;
      };
      client.write(opening);
      assert.match(await ask(), /generation 1/);
      await handOff(bench, old, bench.start(nextSource, standby));
      const drained = old.request({ type: "drain", drainMs: 5000 });
      const answer = await ask();
      client.destroy();
      assert.equal((await drained).lost, 0);
      return answer;
    };

    test("where the next version does not listen (yet), a connection gets one more answer", async () => {
      await using bench = new Bench(node);
      const source = (at: string) => `
        import http from "node:http";
        import { hot } from "tsugi/hot";
        const server = http.createServer((req, res) => res.end("generation " + hot.release.generation));
        const { generation } = hot.release;
        if (generation === 1) server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));
        else http.createServer().listen(${at});`;
      const answer = await askAround(bench, source("0"), source('0, "127.0.0.2"'));
      assert.match(answer, /Connection: close[\s\S]*generation 1/);
    });

    const ANSWER = `
      import http from "node:http";
      import net from "node:net";
      import { hot } from "tsugi/hot";
      const say = () => console.log("listening", server.address().port);
      const inner = http.createServer((req, res) => res.end("generation " + hot.release.generation));`;
    const READ_LINE = `
      const readLine = (socket, then) => socket.once("readable", () => {
        const bytes = socket.read();
        const end = bytes.indexOf("\\n") + 1;
        socket.unshift(bytes.subarray(end));
        then();
      });`;
    const FRONTS = {
      "'connection' listeners of the application's own": `${ANSWER}${READ_LINE}
        const [taking] = inner.listeners("connection");
        inner.removeAllListeners("connection");
        inner.on("connection", (socket) => readLine(socket, () => taking.call(inner, socket)));
        const server = inner.listen(0, "127.0.0.1", say);`,
      "a server of TCP that hands over what it has accepted": `${ANSWER}${READ_LINE}
        const server = net.createServer((socket) => readLine(socket, () => inner.emit("connection", socket)));
        server.listen(0, "127.0.0.1", say);`,
    };
    for (const [name, source] of Object.entries(FRONTS)) {
      test(`HTTP behind ${name}: one more answer`, async () => {
        await using bench = new Bench(node);
        const answer = await askAround(bench, source, source, "PROXY TCP4 …\n");
        assert.match(answer, /Connection: close[\s\S]*generation 1/);
      });
    }

    test("a connection of before the application read PROXY lines goes on without one", async () => {
      await using bench = new Bench(node);
      const plain = `${ANSWER} const server = inner.listen(0, "127.0.0.1", say);`;
      const wrapped = FRONTS["'connection' listeners of the application's own"];
      assert.match(await askAround(bench, plain, wrapped), /keep-alive[\s\S]*generation 2/);
    });

    test("HTTP/2 with state: what comes in the freeze is refused, what was there before ends", async () => {
      await using bench = new Bench(node);
      const source = `
        import http2 from "node:http2";
        import { hot } from "tsugi/hot";
        hot.state("n", { initial: () => 0 });
        http2.createServer(async (req, res) => {
          if (req.url === "/stream") res.write("head ");
          if (req.url !== "/") await new Promise((resolve) => setTimeout(resolve, 600));
          res.end("1");
        }).listen(0, "127.0.0.1", function () { console.log("listening", this.address().port); });`;
      const old = bench.start(source);
      const far = await farFrom(await portOf(old), 40);
      const next = bench.start(source, standby);
      const session = http2.connect(`http://127.0.0.1:${far.port}`);
      const get = async (path: string) => {
        const stream = session.request({ ":path": path }).setEncoding("utf8");
        const text = await stream.toArray().catch(() => []);
        return text.join("") || `refused: ${stream.rstCode === 7}`;
      };
      await once(session, "connect");
      const [streamed, held] = [get("/stream"), get("/held")];
      await tick(150);
      let isToldToGo = false;
      session.on("goaway", () => {
        isToldToGo = true;
      });
      const moved = handOff(bench, old, next);
      const answers = [];
      while (!isToldToGo) {
        answers.push(get("/"));
        await tick(4);
      }
      await moved;
      assert.deepEqual([await held, await streamed], ["1", "head 1"]);
      assert.equal((await Promise.all(answers)).at(-1), "refused: true");
      assert.equal((await old.request({ type: "drain", drainMs: 5000 })).lost, 0);
      far.close();
    });

    test("an HTTP/2 stream that is cut is lost, and named; one that comes back is not", async () => {
      await using bench = new Bench(node);
      const source = `
        import http2 from "node:http2";
        const server = http2.createServer((req, res) => {
          res.writeHead(200, { "content-type": "text/event-stream" });
          res.write("data: 1\\n\\n");
        });
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
      const old = bench.start(source);
      const session = http2.connect(`http://127.0.0.1:${await portOf(old)}`);
      session.on("error", () => {});
      const next = bench.start(source, standby);
      const open = async (head: object) => {
        const stream = session.request({ ":path": "/events?from=1", ...head });
        stream.on("error", () => {}).end();
        await once(stream, "data");
        return stream;
      };
      const source1 = await open({ accept: "text/event-stream" });
      await open({ ":method": "POST", accept: "text/event-stream" });
      const ended = once(source1.resume(), "end");
      await handOff(bench, old, next);
      await ended;
      const { lost, cut } = await old.request({ type: "drain", drainMs: 1 });
      assert.deepEqual([lost, cut], [1, ["POST /events (an HTTP/2 stream)"]]);
      session.destroy();
    });

    test("a stop lets an HTTP/2 stream come to its end", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import http2 from "node:http2";
        const server = http2.createServer((req, res) => {
          res.write("begun ");
          setTimeout(() => res.end("and ended"), 300);
        });
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`);
      const session = http2.connect(`http://127.0.0.1:${await portOf(worker)}`);
      const stream = session.request({ ":path": "/" }).setEncoding("utf8");
      const [first] = await once(stream, "data");
      const rest = stream.toArray();
      const { lost } = await worker.request({ type: "drain", drainMs: 10_000 });
      assert.deepEqual([first, (await rest).join(""), lost], ["begun ", "and ended", 0]);
      session.destroy();
    });

    test("a stop ends idle connections and event sources, waits for responses, tells WebSockets 1012", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import http from "node:http";
        import { WebSocketServer } from ${JSON.stringify(WS)};
        const server = http.createServer(async (req, res) => {
          if (req.url === "/events") {
            res.writeHead(200, { "content-type": "text/event-stream" });
            return res.write("data: 1\\n\\n");
          }
          await new Promise((resolve) => setTimeout(resolve, 200));
          res.end("done");
        });
        new WebSocketServer({ server });
        process.on("SIGTERM", () => server.close(() => { console.log("closed"); process.exit(0); }));
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`);
      const port = await portOf(worker);
      const idle = net.connect(port, "127.0.0.1");
      await once(idle, "connect");
      const socket = new WebSocket(`ws://127.0.0.1:${port}`);
      await once(socket, "open");
      const answer = fetch(`http://127.0.0.1:${port}/`);
      const headers = { accept: "text/event-stream" };
      const events = await fetch(`http://127.0.0.1:${port}/events`, { headers });
      await tick(50);
      const idleEnd = once(idle.resume(), "end");
      const closed = once(socket, "close");
      const begin = performance.now();
      const { lost } = await worker.request({ type: "drain", drainMs: 10_000 });
      assert.ok(performance.now() - begin < 2_000);
      assert.equal(lost, 0);
      await idleEnd;
      assert.equal(await events.text(), "data: 1\n\n");
      assert.equal((await closed)[0], 1012);
      const response = await answer;
      assert.equal(response.headers.get("connection"), "close");
      assert.equal(await response.text(), "done");
      await worker.request({ type: "dispose" });
      worker.child.kill("SIGTERM");
      assert.equal((await worker.exited).code, 0);
      assert.match(worker.stdout, /closed/);
    });

    test("a SIGTERM handler that only closes its server ends the process, as under plain Node", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import http from "node:http";
        const server = http.createServer((req, res) => res.end("done"));
        process.on("SIGTERM", () => server.close(() => console.log("closed")));
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`);
      await portOf(worker);
      await worker.request({ type: "drain", drainMs: 10_000 });
      await worker.request({ type: "dispose" });
      worker.child.kill("SIGTERM");
      assert.equal((await worker.exited).code, 0);
      assert.match(worker.stdout, /closed/);
    });

    test("one that holds nothing after its dispose still gets its SIGTERM", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import { hot } from "tsugi/hot";
        const timer = setInterval(() => {}, 1000);
        hot.dispose(() => clearInterval(timer));
        process.on("SIGTERM", () => console.log("flushed"));
        console.log("listening", 1);`);
      await portOf(worker);
      await worker.request({ type: "drain", drainMs: 10_000 });
      await worker.request({ type: "dispose" });
      worker.child.kill("SIGTERM");
      assert.equal((await worker.exited).code, 0);
      assert.match(worker.stdout, /flushed/);
    });

    test("what comes back by itself is ended early, any other stream runs to its end", async () => {
      await using bench = new Bench(node);
      const source = `
        import http from "node:http";
        import { hot } from "tsugi/hot";
        hot.state("n", { initial: () => 0 });
        const server = http.createServer((req, res) => {
          if (req.url === "/named") hot.reconnects(res);
          const type = req.url === "/plain" ? "text/plain" : "text/event-stream";
          res.writeHead(200, { "content-type": type });
          res.write("data: " + hot.release.generation + "\\n\\n");
          if (req.url === "/source" || req.url === "/named") return;
          let count = 0;
          const timer = setInterval(() => {
            res.write("data: token " + ++count + "\\n\\n");
            if (count < 15) return;
            clearInterval(timer);
            res.end("data: [DONE]\\n\\n");
          }, 100);
        });
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
      const old = bench.start(source);
      const port = await portOf(old);
      const next = bench.start(source, standby);
      const open = async (path: string, method = "GET", accept = "*/*") => {
        const options = {
          port,
          path,
          method,
          host: "127.0.0.1",
          agent: false,
          headers: { accept },
        };
        const request = http.request(options).end();
        const [response] = (await once(request, "response")) as [http.IncomingMessage];
        const [first] = await once(response.setEncoding("utf8"), "data");
        assert.equal(first, "data: 1\n\n");
        return response;
      };
      const comingBack = [await open("/source", "GET", "text/event-stream"), await open("/named")];
      const toTheirEnd = [
        await open("/fetch"),
        await open("/chat", "POST", "text/event-stream"),
        await open("/plain", "GET", "text/event-stream"),
      ];
      const answers = toTheirEnd.map((response) => response.toArray());
      const ends = comingBack.map((response) => once(response.resume(), "end"));
      await handOff(bench, old, next);
      const drained = old.request({ type: "drain", drainMs: 10_000 });
      await Promise.all(ends);
      for (const response of comingBack) assert.equal(response.complete, true);
      for (const answer of answers)
        assert.match((await answer).join(""), /token 15\n\ndata: \[DONE\]\n\n$/);
      assert.equal((await drained).lost, 0);
    });

    const openHttp = (port: number) => {
      const socket = net.connect(port, "127.0.0.1").pause();
      socket.write("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
      return () => socket.destroy();
    };
    const openHttp2 = (port: number) => {
      const session = http2.connect(`http://127.0.0.1:${port}`);
      session.request({ accept: "text/event-stream" }).end();
      return () => session.destroy();
    };
    const servers = [
      [
        "http",
        openHttp,
        `http.createServer((request, response) => speak(response.writeHead(200, TYPE)))`,
      ],
      [
        "http2",
        openHttp2,
        `http2.createServer().on("stream", (stream) => { stream.respond(TYPE); speak(stream); })`,
      ],
    ] as const;
    for (const [module, open, server] of servers) {
      test(`an EventSource by ${module} that no longer reads is written to after its end`, async () => {
        await using bench = new Bench(node);
        const source = `
          import ${module} from "node:${module}";
          const TYPE = { "content-type": "text/event-stream" };
          const block = "data: " + "x".repeat(100_000) + "\\n\\n";
          function speak(response) {
            let late = 0;
            const timer = setInterval(() => {
              const isFull = response.writableLength > 1_000_000;
              if (!isFull || response.writableEnded) response.write(block);
              else console.log("full");
              if (response.writableEnded && ++late === 3) console.log("went on");
            }, 20);
            response.on("close", () => clearInterval(timer));
          }
          const server = ${server};
          server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
        const old = bench.start(source);
        const close = open(await portOf(old));
        try {
          await old.until("a full buffer", () => old.stdout.includes("full"));
          const next = bench.start(source, standby);
          await handOff(bench, old, next);
          await old.until("what is written late", () => old.stdout.includes("went on"));
          const { lost } = await old.request({ type: "drain", drainMs: 1 });
          assert.deepEqual([lost, old.stderr], [0, ""]);
        } finally {
          close();
        }
      });
    }

    test("an EventSource that has no time to be ended gently is drained, not lost", async () => {
      await using bench = new Bench(node);
      const source = `
        import http from "node:http";
        const server = http.createServer((req, res) => {
          res.writeHead(200, { "content-type": "text/event-stream" });
          res.write("data: 1\\n\\n");
        });
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
      const old = bench.start(source);
      const port = await portOf(old);
      const next = bench.start(source, standby);
      const stream = async (accept: string) => {
        const request = http.get({ port, host: "127.0.0.1", agent: false, headers: { accept } });
        const [response] = (await once(request, "response")) as [http.IncomingMessage];
        response.on("error", () => {}).resume();
        return response;
      };
      await stream("text/event-stream");
      await stream("*/*");
      await handOff(bench, old, next);
      const { cut, ...counts } = await old.request({ type: "drain", drainMs: 1 });
      assert.deepEqual(counts, { drained: 1, lost: 1 });
      assert.match(String(cut), /^GET \/ \(\d+ bytes sent\)$/);
    });

    test("a connection that was upgraded to nobody knows what ends without a goodbye: lost", async () => {
      await using bench = new Bench(node);
      const source = `
        import http from "node:http";
        const server = http.createServer();
        server.on("upgrade", (request, socket) => {
          socket.write("HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: other\\r\\n\\r\\n");
          socket.on("error", () => {});
        });
        server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
      const old = bench.start(source);
      const port = await portOf(old);
      const next = bench.start(source, standby);
      const headers = { connection: "upgrade", upgrade: "other" };
      const request = http.get({ port, host: "127.0.0.1", agent: false, headers });
      const [, socket] = (await once(request, "upgrade")) as [unknown, net.Socket];
      await handOff(bench, old, next);
      const { cut, ...counts } = await old.request({ type: "drain", drainMs: 1 });
      assert.deepEqual(counts, { drained: 0, lost: 1 });
      assert.match(String(cut), /^an upgraded connection \(\d+ bytes sent\)$/);
      socket.destroy();
    });
  });
}
