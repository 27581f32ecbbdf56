import assert from "node:assert/strict";
import { once } from "node:events";
import { statSync } from "node:fs";
import net from "node:net";
import { describe, test } from "node:test";
import { Bench, NODES, type WorkerUnderTest } from "../helpers/workerHarness.ts";

/** What the application has written as JSON lines. */
const lines = (worker: WorkerUnderTest) =>
  worker.stdout
    .split("\n")
    .filter((line) => line.startsWith("["))
    .map((line) => JSON.parse(line) as unknown[]);

const line = (worker: WorkerUnderTest, name: string) =>
  worker.until(name, () => lines(worker).find(([first]) => first === name));

const PRELUDE = `
  import net from "node:net";
  const say = (...parts) => console.log(JSON.stringify(parts));
`;

for (const node of NODES) {
  describe(`listening on ${node}`, () => {
    test("addresses, families and flags are those that were asked for", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`${PRELUDE}
        const listen = async (name, options) => {
          const server = net.createServer((socket) => socket.end(name));
          await new Promise((resolve) => server.listen(options, resolve));
          say(name, server.address(), server.listening, server._connectionKey);
          return server.address().port;
        };
        await listen("any", { port: 0 });
        await listen("v4", { port: 0, host: "127.0.0.1", backlog: 5 });
        await listen("v6", { port: 0, host: "::1", exclusive: true });
        await listen("named", { port: 0, host: "localhost" });
        const port = await listen("only6", { port: 0, host: "::", ipv6Only: true });
        await listen("only4", { port, host: "0.0.0.0" });
      `);
      await worker.event("ready");
      const [, any, listening, key] = (await line(worker, "any")) as [
        string,
        net.AddressInfo,
        boolean,
        string,
      ];
      assert.deepEqual([any.address, any.family, listening], ["::", "IPv6", true]);
      assert.match(key, /^6::::\d+$/);
      const family = async (name: string) =>
        ((await line(worker, name))[1] as net.AddressInfo).family;
      assert.equal(await family("v4"), "IPv4");
      assert.equal(await family("v6"), "IPv6");
      const only4 = (await line(worker, "only4"))[1] as net.AddressInfo;
      for (const [host, name] of [
        ["127.0.0.1", "only4"],
        ["::1", "only6"],
      ]) {
        const [text] = await once(net.connect(only4.port, host), "data");
        assert.equal(String(text), name);
      }
    });

    test("the mode of a Unix socket, address() at once, listening twice", async () => {
      await using bench = new Bench(node);
      const path = `${bench.folder}/all.sock`;
      const worker = bench.start(`${PRELUDE}
        const server = net.createServer();
        server.listen({ path: ${JSON.stringify(path)}, readableAll: true, writableAll: true });
        say("sync", server.listening, server.address());
        try { server.listen(0); } catch (error) { say("twice", error.code); }
      `);
      await worker.event("ready");
      assert.deepEqual(await line(worker, "sync"), ["sync", true, path]);
      assert.deepEqual(await line(worker, "twice"), ["twice", "ERR_SERVER_ALREADY_LISTEN"]);
      assert.equal(statSync(path).mode & 0o666, 0o666);
    });

    test("a server may be closed before it listens, and listen again", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`${PRELUDE}
        const server = net.createServer((socket) => socket.end("again"));
        server.listen(0, () => say("never"));
        server.removeAllListeners("listening");
        server.close((error) => {
          say("closed", error ?? null);
          server.listen(0, "127.0.0.1", () => {
            const { port } = server.address();
            server.close(() => server.listen(port, "127.0.0.1", () => say("again", port, server.address().port)));
          });
        });
      `);
      assert.deepEqual(await line(worker, "closed"), ["closed", null]);
      const [, asked, port] = (await line(worker, "again")) as [string, number, number];
      assert.equal(asked, port);
      await worker.event("ready");
      assert.equal(
        lines(worker).some(([name]) => name === "never"),
        false,
      );
    });

    test("a server that is unref'd keeps nothing alive", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(
        `${PRELUDE} net.createServer().listen(0, () => say("up")).unref();`,
      );
      assert.equal((await worker.exited).code, 0);
    });

    test("the async context of listen reaches its callback", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`${PRELUDE}
        import { AsyncLocalStorage } from "node:async_hooks";
        const storage = new AsyncLocalStorage();
        storage.run("inside", () => net.createServer().listen(0, () => say("store", storage.getStore())));
      `);
      assert.deepEqual(await line(worker, "store"), ["store", "inside"]);
    });

    test("an address that is not ours fails as under plain Node", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`${PRELUDE}
        const server = net.createServer().on("error", (error) => say("error", error.message, error.syscall));
        server.listen(4000, "192.0.2.1");
      `);
      const message = "listen EADDRNOTAVAIL: address not available 192.0.2.1:4000";
      assert.deepEqual(await line(worker, "error"), ["error", message, "listen"]);
    });

    test("a frozen server is still listening to the application, and thaws on the same port", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`${PRELUDE}
        globalThis.server = net.createServer((socket) => socket.end("hi"));
        server.on("close", () => say("close"));
        server.listen(0, "127.0.0.1", () => say("port", server.address().port));
      `);
      const [, port] = (await line(worker, "port")) as [string, number];
      await worker.event("ready");
      await worker.request({ type: "freeze", timeoutMs: 500 });
      const ask = async (expression: string) =>
        (await worker.request({ type: "evaluate", expression })).text;
      assert.equal(await ask("[server.listening, server.address().port].join()"), `true,${port}`);
      const waiting = net.connect(port, "127.0.0.1");
      await once(waiting, "connect");
      await worker.request({ type: "thaw" });
      const closed = once(waiting, "close");
      assert.equal(String((await once(waiting, "data"))[0]), "hi");
      await closed;
      await ask(
        "(async () => { while (server._connections > 0) await new Promise(setImmediate); })()",
      );
      await worker.request({ type: "freeze", timeoutMs: 500 });
      await ask("server.close()");
      await worker.event("unlisten");
      await line(worker, "close");
    });

    test("an application with cluster workers of its own serves, and says that nothing is carried", async () => {
      await using bench = new Bench(node);
      const worker = bench.start(`
        import cluster from "node:cluster";
        import http from "node:http";
        if (cluster.isPrimary) {
          cluster.fork();
          await new Promise((resolve) => cluster.once("listening", resolve));
          console.log(JSON.stringify(["primary", process.env.TSUGI_WORKER ?? null]));
        } else {
          http.createServer((req, res) => res.end("from a child")).listen(0, "127.0.0.1", function () {
            console.log(JSON.stringify(["port", this.address().port]));
          });
        }
      `);
      const { drainable } = await worker.event("ready");
      assert.equal(drainable, false);
      const [, port] = (await line(worker, "port")) as [string, number];
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "from a child");
    });
  });
}
