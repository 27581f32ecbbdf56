/** A UDP socket is the kernel's one for all generations: each finds it as its own code has it. */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import type { WorkerBoot } from "../../src/protocol/worker.ts";
import { until } from "../helpers/installed.ts";
import { freePort } from "../helpers/ports.ts";
import { Bench, handBack, handOff } from "../helpers/workerHarness.ts";

const SERVER = "127.0.0.2";
const GROUP = "239.255.77.78";

class Asker {
  readonly socket: Socket;
  readonly heard: string[] = [];

  static async open(): Promise<Asker> {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new Asker(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("message", (text) => this.heard.push(String(text)));
  }

  get port(): number {
    return this.socket.address().port;
  }

  async asks(text: string, port: number, address: string, answer: string): Promise<void> {
    this.socket.send(text, port, address);
    await until(`${answer} among ${this.heard}`, () => this.heard.includes(answer));
  }
}

async function pairOf(
  t: TestContext,
  bench: Bench,
  first: string,
  second: string,
  boot: Partial<WorkerBoot> = {},
) {
  const app = (code: string) => `
    import { createSocket } from "node:dgram";
    import { hot } from "tsugi/hot";
    const { generation } = hot.release;
    const { PORT, ONE, OTHER } = process.env;
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    const bound = new Promise((resolve) => socket.once("listening", resolve));
    hot.prepare(() => bound);
    ${code}`;
  const askers = [await Asker.open(), await Asker.open()] as const;
  t.after(() => {
    for (const { socket } of askers) socket.close();
  });
  const port = await freePort();
  const [ONE, OTHER] = askers.map((asker) => String(asker.port));
  const env = { PORT: String(port), ONE: ONE!, OTHER: OTHER! };
  const old = bench.start(app(first), { env, boot });
  await old.event("ready");
  const next = bench.start(app(second), { env, boot: { mode: "standby", generation: 2 } });
  await next.event("ready");
  return { old, next, askers, port };
}

/** Says where it is directed as soon as it is. */
const directedTo = (peer: string) => `
  socket.on("message", (text) => socket.send(text + " " + generation));
  socket.bind(Number(PORT), "${SERVER}", () => socket.connect(Number(${peer}), "127.0.0.1"));`;
const TO_NOBODY = `
  socket.on("message", (text, { port, address }) => socket.send(text + " " + generation, port, address));
  socket.bind(Number(PORT), "${SERVER}");`;

const directions: [string, string, string][] = [
  ["one peer, then another", directedTo("ONE"), directedTo("OTHER")],
  ["one peer, then nobody", directedTo("ONE"), TO_NOBODY],
  ["nobody, then a peer", TO_NOBODY, directedTo("OTHER")],
];

for (const [what, first, second] of directions) {
  test(`a socket is directed as the version that reads it says: ${what}`, async (t) => {
    await using bench = new Bench();
    const { old, next, askers, port } = await pairOf(t, bench, first, second);
    const [one, other] = askers;
    const turns = async (generation: number, count: number) => {
      const asker = generation === 1 ? one : other;
      await asker.asks(`turn ${count}`, port, SERVER, `turn ${count} ${generation}`);
    };
    await turns(1, 1);
    await handOff(bench, old, next);
    await turns(2, 2);
    await handBack(bench, old, next);
    await turns(1, 3);
  });
}

test("a process that has bound the socket before another one connects it knows its peer", async (t) => {
  await using bench = new Bench();
  const app = directedTo("ONE");
  const { old, next, askers, port } = await pairOf(t, bench, app, app, { mode: "standby" });
  await old.request({ type: "activate" });
  await askers[0].asks("a", port, SERVER, "a 1");
  await handOff(bench, old, next);
  await askers[0].asks("b", port, SERVER, "b 2");
});

test("only a socket that waits on a port of its own is said to end with its process", async (t) => {
  await using bench = new Bench();
  const app = `
    socket.bind(Number(PORT), "${SERVER}");
    createSocket("udp4").bind();
    createSocket("udp4").send("hello", Number(ONE), "127.0.0.1");
    globalThis.another = createSocket("udp4").bind(0);`;
  const { old, askers } = await pairOf(t, bench, app, app);
  await until("it is sent", () => askers[0].heard.includes("hello"));
  const unshared = async () => (await old.request({ type: "health" })).unshared;
  assert.equal(await unshared(), 2);
  await old.request({ type: "evaluate", expression: "another.close()" });
  await until("one is closed", async () => (await unshared()) === 1);
});

test("a group that the new version has left is joined again after a hand-back", async (t) => {
  await using bench = new Bench();
  const app = (then: string) => `
    socket.on("message", (text, { port, address }) => {
      ${then}
      socket.send(text + " " + generation, port, address);
    });
    socket.bind(Number(PORT) + 1, () => socket.addMembership("${GROUP}", "127.0.0.1"));`;
  const leaves = `if (String(text) === "leave") socket.dropMembership("${GROUP}", "127.0.0.1");`;
  const { old, next, askers, port: held } = await pairOf(t, bench, app(""), app(leaves));
  // The one beside it: `freePort` holds the one that it gives.
  const port = held + 1;
  const [asker] = askers;
  asker.socket.setMulticastInterface("127.0.0.1");
  await asker.asks("a", port, GROUP, "a 1");
  await handOff(bench, old, next);
  await asker.asks("b", port, GROUP, "b 2");
  await asker.asks("leave", port, GROUP, "leave 2");
  await handBack(bench, old, next);
  await asker.asks("c", port, GROUP, "c 1");
});
