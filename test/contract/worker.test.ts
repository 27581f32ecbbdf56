import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import { Bench, NODES, portOf } from "../helpers/workerHarness.ts";

const SERVER = `
  import http from "node:http";
  const server = http.createServer((req, res) => res.end("one"));
  server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));
`;

const get = async (port: number) => (await fetch(`http://127.0.0.1:${port}/`)).text();

for (const node of NODES) {
  describe(`worker on ${node}`, () => {
    test("an active worker is ready when it listens, and serves", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(SERVER);
      const ready = await worker.event("ready");
      assert.deepEqual(ready.states, []);
      assert.equal(ready.usesHot, false);
      assert.equal(await get(await portOf(worker)), "one");
    });

    test("a standby worker is listening but accepts nothing until it is activated", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(SERVER, { boot: { mode: "standby" } });
      await worker.event("ready");
      const port = await portOf(worker);
      // Nobody listens on the shared socket yet: the kernel refuses.
      await assert.rejects(get(port));
      await worker.request({ type: "activate" });
      assert.equal(await get(port), "one");
    });

    test("the entry finds itself the entry: ESM with top-level await", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import { setTimeout as wait } from "node:timers/promises";
        import { fileURLToPath } from "node:url";
        console.log("main", import.meta.main ?? true, process.argv[1] === fileURLToPath(import.meta.url));
        console.log("boot", process.env.TSUGI_WORKER);
        setInterval(() => {}, 1000);
        await wait(150);
        console.log("settled");
      `);
      await worker.event("ready");
      await worker.until("output", () => worker.stdout.includes("settled"));
      assert.match(worker.stdout, /main true true\nboot undefined\nsettled/);
    });

    test("the entry finds itself the entry: CommonJS", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(
        `console.log("main", require.main === module, process.argv[1] === __filename);
         setInterval(() => {}, 1000);`,
        { name: "app.cjs" },
      );
      await worker.event("ready");
      await worker.until("output", () => worker.stdout.includes("main"));
      assert.match(worker.stdout, /main true true/);
    });

    test("tsugi/hot is one instance for import and require, in any file", async () => {
      await using bench = new Bench(node);
      bench.write(
        "lib.cjs",
        `exports.hot = require("tsugi/hot").hot; exports.path = require.resolve("tsugi/hot");`,
      );
      const worker = bench.start(`
        import { hot } from "tsugi/hot";
        import lib from "./lib.cjs";
        console.log(JSON.stringify([hot === lib.hot, lib.path.endsWith("hot.cjs"), hot.release]));
        setInterval(() => {}, 1000);
      `);
      await worker.event("ready");
      await worker.until("output", () => worker.stdout.includes("]"));
      const [same, path, release] = JSON.parse(worker.stdout);
      assert.equal(same, true);
      assert.equal(path, true);
      assert.equal(release.version, "1.0.0");
      assert.equal(release.rehearsal, false);
    });

    test("in threads and children of the application tsugi/hot resolves, and is inert", async () => {
      await using bench = new Bench(node);
      const part = bench.write(
        "part.mjs",
        `import { hot } from "tsugi/hot";
         console.log(process.argv[2] ?? "thread", hot.release === undefined, process.env.TSUGI_WORKER === undefined);`,
      );
      const worker = bench.start(`
        import { fork } from "node:child_process";
        import { Worker } from "node:worker_threads";
        fork(${JSON.stringify(part)}, ["child"]);
        new Worker(${JSON.stringify(part)});
        setInterval(() => {}, 1000);
      `);
      await worker.until("child", () => worker.stdout.includes("child true true"));
      await worker.until("thread", () => worker.stdout.includes("thread true true"));
    });

    test("an entry that throws is reported, and ends the process", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`await null; throw new Error("no database");`);
      const failed = await worker.event("failed");
      assert.equal(failed.error.code, "TSUGI_LOAD_FAILED");
      assert.match(failed.error.message, /no database/);
      assert.equal((await worker.exited).code, 1);
    });

    test("a failing prepare is reported", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import { hot } from "tsugi/hot";
        hot.prepare(async () => { throw new Error("cache is cold"); });
      `);
      assert.match((await worker.event("failed")).error.message, /cache is cold/);
    });

    test("an activate that fails at the start is reported", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import { hot } from "tsugi/hot";
        hot.activate(() => { throw new Error("no queue"); });
        setInterval(() => {}, 1000);
      `);
      assert.match((await worker.event("failed")).error.message, /no queue/);
    });

    test("prepare and activate run in order, and a generation without a listener lives", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(
        `import { hot } from "tsugi/hot";
         hot.prepare(async () => { await null; console.log("prepared"); });
         hot.activate(() => { console.log("activated"); setInterval(() => {}, 1000); });`,
        { boot: { mode: "standby" } },
      );
      const ready = await worker.event("ready");
      assert.equal(ready.usesHot, true);
      await worker.until("prepared", () => worker.stdout === "prepared\n");
      await worker.request({ type: "activate" });
      await worker.until("activation", () => worker.stdout.includes("activated"));
    });

    test("one without a listener that dies of what activate has begun was never ready", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(
        `import { hot } from "tsugi/hot";
         hot.activate(() => {
           setTimeout(() => { throw new Error("QUEUE_URL is missing"); }, 20);
         });
         setInterval(() => {}, 1000);`,
        { boot: { readyAfterMs: 1_000 } },
      );
      const { error } = await worker.event("failed");
      assert.match(error.message, /QUEUE_URL is missing/);
      assert.notEqual((await worker.exited).code, 0);
      assert.equal(worker.events("ready").length, 0);
    });

    const ASKS_ITSELF = `
      import { createServer } from "node:http";
      import { once } from "node:events";
      const server = createServer((_, response) => response.end("answered"));
      await once(server.listen(0), "listening");
      const itself = async () => {
        const answer = await fetch("http://localhost:" + server.address().port).catch(() => {});
        console.log((await answer?.text()) ?? "refused");
      };`;

    test("a start is answered by itself as soon as it listens, before its entry has settled", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`${ASKS_ITSELF} await itself();`);
      await worker.event("ready");
      await worker.until("answer", () => worker.stdout === "answered\n");
    });

    test("what is prepared is there before the first request", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import { hot } from "tsugi/hot";
        hot.prepare(() => itself());
        ${ASKS_ITSELF}`);
      await worker.event("ready");
      await worker.until("answer", () => worker.stdout === "refused\n");
    });

    test("process.send('ready') makes ready before readyAfterMs", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`process.send("ready"); setInterval(() => {}, 1000);`, {
        boot: { readyAfterMs: 60_000 },
      });
      await worker.event("ready");
    });

    test("a script that ends by itself was never ready", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`console.log("done");`);
      assert.equal((await worker.exited).code, 0);
      assert.equal(worker.events("ready").length, 0);
    });

    test("process.disconnect() does not cut the supervisor's channel", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`process.disconnect(); setInterval(() => {}, 1000);`);
      await worker.event("ready");
      const { text } = await worker.request({ type: "evaluate", expression: "1 + 1" });
      assert.equal(text, "2");
    });

    test("a used port fails as under plain Node", async () => {
      await using bench = new Bench(node);
      const blocker = net.createServer().listen(0);
      await once(blocker, "listening");
      const { port } = blocker.address() as net.AddressInfo;
      const worker = bench.start(`
        import net from "node:net";
        const server = net.createServer();
        server.on("error", (error) => console.log(JSON.stringify({ ...error, message: error.message })));
        server.listen(${port});
      `);
      await worker.until("error", () => worker.stdout.includes("}"));
      blocker.close();
      const expected = `listen EADDRINUSE: address already in use :::${port}`;
      assert.deepEqual(JSON.parse(worker.stdout), {
        code: "EADDRINUSE",
        errno: -98,
        syscall: "listen",
        address: "::",
        port,
        message: expected,
      });
    });

    test("two listen(0) are two sockets; a Unix socket works; close unlistens", async () => {
      await using bench = new Bench(node);
      const path = `${bench.folder}/sock`;
      const worker = bench.start(`
        import net from "node:net";
        const echo = () => net.createServer((socket) => socket.end("hello"));
        const [a, b, c] = [echo(), echo(), echo()];
        a.listen(0); b.listen(0); c.listen(${JSON.stringify(path)});
        console.log("sync", a.listening, c.address());
        globalThis.a = a;
        setTimeout(() => console.log(a.address().port !== b.address().port, a.address().family), 300);
      `);
      await worker.event("ready");
      await worker.until("addresses", () => worker.stdout.includes("IPv6"));
      assert.match(worker.stdout, /sync true .*sock\ntrue IPv6/);
      const [reply] = await once(net.connect(path), "data");
      assert.equal(String(reply), "hello");
      await worker.request({ type: "evaluate", expression: "a.close()" });
      assert.equal((await worker.event("unlisten")).key.ordinal, 0);
    });

    test("a worker whose supervisor is gone ends, its SIGTERM handler included", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        process.on("SIGTERM", () => { console.log("bye"); process.exit(7); });
        setInterval(() => {}, 1000);
      `);
      await worker.event("ready");
      worker.child.disconnect();
      assert.equal((await worker.exited).code, 7);
      assert.match(worker.stdout, /bye/);
    });

    test("evaluate awaits, shows errors, and reaches state by name", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import { hot } from "tsugi/hot";
        const rooms = hot.state("rooms", { version: 2, initial: () => new Map([["a", 1]]) });
        setInterval(() => {}, 1000);
      `);
      await worker.event("ready");
      const ask = (expression: string) => worker.request({ type: "evaluate", expression });
      assert.equal((await ask(`(await Promise.resolve(state("rooms"))).get("a")`)).text, "1");
      assert.equal((await ask(`const x = 20; return x + 1`)).text, "21");
      assert.equal((await ask(`require("node:os").EOL`)).text, "\n");
      const failed = await ask(`state("nothing")`);
      assert.equal(failed.threw, true);
      assert.match(failed.text, /no hot.state "nothing" here; there is: rooms/);
      assert.match(failed.text, /at rpc:1:\d+$/, "the stack ends with the expression");
    });

    test("health is what hot.health says", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import { hot } from "tsugi/hot";
        globalThis.sick = false;
        hot.health(() => { if (sick) throw new Error("queue is stuck"); });
        setInterval(() => {}, 1000);
      `);
      await worker.event("ready");
      const always = { version: "1.0.0", unregistered: 0, unshared: 0 };
      const healthy = { healthy: true, ...always };
      assert.deepEqual(await worker.request({ type: "health" }), healthy);
      await worker.request({ type: "evaluate", expression: "globalThis.sick = true" });
      const problem = "queue is stuck";
      const sick = { healthy: false, problem, ...always };
      assert.deepEqual(await worker.request({ type: "health" }), sick);
    });

    test("a console is a REPL in the worker", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`globalThis.answer = 42; setInterval(() => {}, 1000);`);
      await worker.event("ready");
      await worker.request({ type: "consoleOpen", session: 3, terminal: false });
      worker.send({ type: "consoleInput", session: 3, data: "answer\n" });
      await worker.until("42", () =>
        worker.events("consoleOutput").some(({ data }) => data.includes("42")),
      );
      worker.send({ type: "consoleInput", session: 3, data: null });
      assert.equal((await worker.event("consoleClosed")).session, 3);
      const left = await worker.request({ type: "evaluate", expression: "'state' in globalThis" });
      assert.equal(left.text, "false");
    });

    test("an unknown request is refused, an unknown message ignored", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`setInterval(() => {}, 1000);`);
      await worker.event("ready");
      worker.send({ type: "novelty" } as never);
      await assert.rejects(worker.request({ type: "novelty" } as never), /TSUGI_INTERNAL/);
    });
  });
}
