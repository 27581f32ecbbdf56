/** What a generation that was swapped out has left in the process: by kind and name, until it is gone. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import { until } from "../helpers/installed.ts";
import { Swapping } from "../helpers/swap.ts";
import { Bench, NODES } from "../helpers/workerHarness.ts";

const app = (more = "") => `
  import http from "node:http";
  import { hot } from "tsugi/hot";
  hot.accept();
  ${more}
  http.createServer((req, res) => res.end("ok")).listen(0, "127.0.0.1");
`;

interface Leak {
  kind: string;
  /** Starts it; \`end\` ends it. */
  source: string;
  name: RegExp;
}

const leaks: Leak[] = [
  {
    kind: "an interval",
    source: "const t = setInterval(function poll() {}, 50).unref(); end = () => clearInterval(t);",
    name: /^interval poll$/,
  },
  {
    kind: "a long timeout",
    source: "const t = setTimeout(() => {}, 60_000).unref(); end = () => clearTimeout(t);",
    name: /^timeout \(anonymous\)$/,
  },
  {
    kind: "an interval of a package",
    source: `const { repeat } = await import("./package.mjs");
      const t = repeat(function tick() {}); end = () => clearInterval(t);`,
    name: /^interval tick$/,
  },
  {
    kind: "a loop over time",
    source: `import { setInterval as every } from "node:timers/promises";
      let on = true; end = () => { on = false; };
      (async () => { for await (const _ of every(20)) if (!on) break; })();`,
    name: /^interval of 20 ms$/,
  },
  {
    kind: "a child process",
    source: `import { spawn } from "node:child_process";
      const child = spawn("sleep", ["600"]); end = () => child.kill("SIGKILL");`,
    name: /^child process sleep \(pid \d+\)$/,
  },
  {
    kind: "a file watcher",
    source: `import fs from "node:fs"; import { dirname } from "node:path";
      const watcher = fs.watch(dirname(process.argv[1])); end = () => watcher.close();`,
    name: /^file watcher \//,
  },
  {
    kind: "a polled file",
    source: `import { unwatchFile, watchFile } from "node:fs";
      watchFile("/nowhere", () => {}); end = () => unwatchFile("/nowhere");`,
    name: /^file watcher \/nowhere$/,
  },
  {
    kind: "a socket",
    source: `import { connect } from "node:net";
      const socket = connect(Number(process.env.PEER), "127.0.0.1"); end = () => socket.destroy();`,
    name: /^socket to 127\.0\.0\.1:\d+$/,
  },
  {
    kind: "a UDP socket",
    source: `import { createSocket } from "node:dgram";
      const socket = createSocket("udp4"); socket.bind(0, "127.0.0.1"); end = () => socket.close();`,
    name: /^UDP socket on port \d+$/,
  },
  {
    kind: "a thread",
    source: `import { Worker } from "node:worker_threads";
      const thread = new Worker("setInterval(() => {}, 1000)", { eval: true });
      end = () => thread.terminate();`,
    name: /^worker thread setInterval/,
  },
];

const evaluate = async (swapping: Swapping, expression: string) => {
  const request = { type: "evaluate", expression } as const;
  return (await swapping.worker.request(request, undefined, swapping.generation)).text;
};

const health = (swapping: Swapping) =>
  swapping.worker.request({ type: "health" }, undefined, swapping.generation);

for (const node of NODES) {
  describe(`on ${node}`, () => {
    for (const { kind, source, name } of leaks) {
      test(`${kind} is named until it is gone, and ended by dispose it is not`, async () => {
        await using bench = new Bench(node);
        bench.write("package.mjs", "export const repeat = (run) => setInterval(run, 50);");
        const peer = net.createServer((socket) => socket.on("error", () => {}));
        await once(peer.listen(0, "127.0.0.1"), "listening");
        const { port } = peer.address() as net.AddressInfo;
        const begin = `let end; ${source}`;
        const leaky = `${begin}; globalThis.end = end;`;
        const swapping = await Swapping.start(bench, app(), { PEER: String(port) });
        await swapping.swap(app(leaky));
        const { running } = await swapping.swap(app(`${begin}; hot.dispose(() => end());`));
        assert.equal(running.length, 1, running.join());
        const [what, version] = running[0]!.split(/ of (?=1\.2\.0)/);
        assert.match(what!, name);
        assert.equal(version, "1.2.0 (generation 2)");
        const still = await health(swapping);
        assert.deepEqual([still.running, still.leaking], [running, 1]);
        await evaluate(swapping, "globalThis.end()");
        await until("it is gone", async () => (await health(swapping)).running === undefined);
        const tidy = await swapping.swap(app());
        assert.deepEqual(tidy.running, []);
        peer.close();
      });
    }

    test("what no collection has come to is pending, however many there are, and not retained", async () => {
      await using bench = new Bench(node);
      const swapping = await Swapping.start(bench, app());
      for (let count = 0; count < 4; count++) await swapping.swap(app());
      assert.equal((await health(swapping)).retained, undefined);
    });

    test("what holds the memory of one that is gone keeps it pending; nothing else does", async () => {
      await using bench = new Bench(node);
      bench.write(
        "bus.mjs",
        'import { EventEmitter } from "node:events"; export const bus = new EventEmitter();',
      );
      const held = `const { bus } = await import("./bus.mjs");
        hot.activate(() => {}); globalThis.bus = bus;
        bus.on("news", () => hot.release);`;
      const env = { NODE_OPTIONS: "--expose-gc" };
      const swapping = await Swapping.start(bench, app(held), env);
      const tidy = "hot.activate(() => {});";
      await swapping.swap(app(tidy));
      await swapping.swap(app(tidy));
      const collect = () => evaluate(swapping, "globalThis.gc()");
      await until("only the first", async () => {
        await collect();
        return (await health(swapping)).pending?.join() === "1.0.0 (generation 1)";
      });
      assert.equal((await health(swapping)).running, undefined);
      await until("it outlives collections", async () => {
        await collect();
        return (await health(swapping)).retained === 1;
      });
      await evaluate(swapping, "globalThis.bus.removeAllListeners()");
      await until("none", async () => {
        await collect();
        return (await health(swapping)).pending === undefined;
      });
      assert.equal((await health(swapping)).retained, undefined);
    });
  });
}
