/** Connections of a plain TCP server, from one process to the next. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Bench, handOff, NODES, portOf, relay } from "../helpers/workerHarness.ts";

/** Answers each line with `<generation>:<count>:<line>`; keeps what is not a line yet. */
const LINES = `
  socket.on("data", async (chunk) => {
    socket.rest += chunk;
    const lines = socket.rest.split("\\n");
    socket.rest = lines.pop();
    if (socket.waitMs > 0) {
      console.log("got", generation);
      await new Promise((resolve) => setTimeout(resolve, socket.waitMs));
    }
    for (const line of lines) socket.write(generation + ":" + ++socket.count + ":" + line + "\\n");
  });`;

const app = ({ state = true, options = "{}", body = LINES, register = true }) => `
  import net from "node:net";
  import { hot } from "tsugi/hot";
  const { generation } = hot.release;
  ${state ? `hot.state("any", { initial: () => 0 });` : ""}
  const server = net.createServer(${options}, (socket) => {
    if (!hot.carried(socket)) Object.assign(socket, { rest: "", count: 0 });
    socket.waitMs = 0;
    console.log("connection", generation, hot.carried(socket), socket.remoteAddress);
    socket.on("end", () => console.log("end", generation));
    socket.on("error", (error) => console.log("error", generation, error.message));
    socket.on("close", () => console.log("closed", generation));
    ${body}
  });
  globalThis.server = server;
  ${register ? "" : "if (false)"} hot.sockets(server, {
    save: ({ rest, count }) => ({ rest, count }),
    restore: (socket, data) => Object.assign(socket, data),
  });
  server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));
`;

class Client {
  readonly socket: net.Socket;
  text = "";
  ended = false;

  constructor(t: TestContext, port: number) {
    this.socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("data", (chunk) => {
      this.text += chunk;
    });
    this.socket.on("end", () => {
      this.ended = true;
    });
    this.socket.on("error", () => {});
    t.after(() => this.socket.destroy());
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  async until(what: string, pick: () => boolean): Promise<void> {
    const deadline = Date.now() + 8000;
    while (!pick()) {
      assert.ok(Date.now() < deadline, `no ${what}: ${this.text.slice(-100)}`);
      await wait(5);
    }
  }

  answered = (count: number) => this.until(`line ${count}`, () => this.lines.length >= count);
}

async function pairOf(t: TestContext, options: Parameters<typeof app>[0] = {}) {
  const bench = new Bench(NODES[0]);
  t.after(() => bench[Symbol.asyncDispose]());
  const old = bench.start(app(options), { node: NODES[0]! });
  const next = bench.start(app(options), {
    boot: { mode: "standby", generation: 2 },
    node: NODES.at(-1)!,
  });
  await old.event("ready");
  const port = await portOf(old);
  const client = async () => {
    const made = new Client(t, port);
    await once(made.socket, "connect");
    return made;
  };
  return { old, next, client, move: () => handOff(bench, old, next) };
}

describe("a connection of a registered TCP server", () => {
  for (const state of [true, false]) {
    test(`goes on in the next process and comes back${state ? ", with state" : ""}`, async (t) => {
      const { old, next, client, move } = await pairOf(t, { state });
      await client();
      const it = await client();
      it.socket.write("one\nhalf");
      await it.answered(1);
      await move();
      it.socket.write(" two\n");
      await it.answered(2);
      await old.request({ type: "thaw" });
      relay(next, old);
      await next.request({ type: "moveConnections" });
      it.socket.write("three\n");
      await it.answered(3);
      assert.deepEqual(it.lines, ["1:1:one", "2:2:half two", "1:3:three"]);
      assert.match(next.stdout, /connection 2 true 127.0.0.1/);
      assert.doesNotMatch(old.stdout + next.stdout, /closed/);
      const counted = await old.request({
        type: "evaluate",
        expression: "new Promise((r) => server.getConnections((e, n) => r(n)))",
      });
      assert.equal(counted.text, "2");
    });
  }

  test("is moved only after its data listener's promise has settled", async (t) => {
    const body = `socket.waitMs = 200; ${LINES}`;
    const { client, move, old } = await pairOf(t, { body });
    const it = await client();
    it.socket.write("one\n");
    await old.until("data", () => old.stdout.includes("got 1"));
    const moved = move();
    await wait(30);
    it.socket.write("two\n");
    await moved;
    await it.answered(2);
    // The second may have come in before the freeze: then it was answered there.
    assert.match(it.lines.join(" "), /^1:1:one [12]:2:two$/);
  });

  test("keeps bytes that were read and not used, and half a character", async (t) => {
    const body = `
      socket.setEncoding("utf8");
      if (generation === 1) socket.once("data", () => { socket.pause(); console.log("got 1"); });
      else socket.on("data", (text) => socket.write(text + "|"));`;
    const { client, move, old } = await pairOf(t, { body });
    const it = await client();
    const bytes = Buffer.from("grüße, 日本");
    it.socket.write("first ");
    await old.until("data", () => old.stdout.includes("got 1"));
    it.socket.write(bytes.subarray(0, -1));
    await wait(50);
    await move();
    it.socket.write(bytes.subarray(-1));
    await it.until("text", () => it.text.includes("本"));
    assert.equal(it.text.replaceAll("|", ""), "grüße, 日本");
  });

  test("whose client has ended its half still gets its answers", async (t) => {
    const body = `
      socket.on("data", () => {});
      const timer = setInterval(() => socket.write(generation + "\\n"), 20);
      socket.on("end", () => setTimeout(() => { clearInterval(timer); socket.end("done\\n"); }, 1000));
      socket.on("close", () => clearInterval(timer));`;
    const { client, move, next } = await pairOf(t, { options: "{ allowHalfOpen: true }", body });
    const it = await client();
    await it.answered(1);
    it.socket.end("last");
    await wait(60);
    await move();
    await it.until("end", () => it.ended);
    assert.ok(it.lines.includes("2"));
    assert.equal(it.lines.at(-1), "done");
    assert.match(next.stdout, /end 2/);
  });

  test("that ends while the old process is frozen ends in the next one", async (t) => {
    const { client, move, old, next } = await pairOf(t);
    const [ends, resets] = [await client(), await client()];
    for (const it of [ends, resets]) it.socket.write("a\n");
    for (const it of [ends, resets]) await it.answered(1);
    await old.request({ type: "freeze", timeoutMs: 1000 });
    ends.socket.end("b\n");
    resets.socket.resetAndDestroy();
    await wait(50);
    await move();
    await ends.answered(2);
    await next.until("close", () => next.stdout.match(/closed 2/g)?.length === 2);
    assert.deepEqual(ends.lines, ["1:1:a", "2:2:b"]);
    assert.doesNotMatch(old.stdout, /closed/);
  });

  test("keeps every byte in order under load", async (t) => {
    const body = `socket.on("data", (chunk) => socket.write(chunk));`;
    const { client, move, old, next } = await pairOf(t, { body, state: false });
    const clients = await Promise.all(Array.from({ length: 20 }, client));
    let over = false;
    const sending = clients.map(async (it) => {
      let sent = "";
      for (let at = 0; !over; at += 1) {
        const line = `${at}${"-".repeat(at % 50)}\n`;
        it.socket.write(line);
        sent += line;
        await wait(2);
      }
      return sent;
    });
    await wait(100);
    await move();
    await next.until("adopted", () => next.adopted.length === clients.length);
    await wait(100);
    await old.request({ type: "thaw" });
    relay(next, old);
    await next.request({ type: "moveConnections" });
    await wait(100);
    over = true;
    const sent = await Promise.all(sending);
    for (const [at, it] of clients.entries()) {
      await it.until("all", () => it.text.length >= sent[at]!.length);
      assert.equal(it.text, sent[at]);
    }
  });
});
