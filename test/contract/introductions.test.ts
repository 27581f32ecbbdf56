/**
 * Before the freeze the next version gets to know the connections of the old one, and gets a second
 * handle to each: nobody is to notice, whatever becomes of the connection or of the upgrade.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoClient, echoApp } from "../helpers/webSocketApp.ts";
import {
  Bench,
  handOffIntroduced,
  introduce,
  NODES,
  portOf,
  type WorkerUnderTest,
} from "../helpers/workerHarness.ts";

async function asked(worker: WorkerUnderTest, expression: string): Promise<number> {
  return Number((await worker.request({ type: "evaluate", expression })).text);
}

const clientsOf = (worker: WorkerUnderTest) => asked(worker, "wss.clients.size");
const descriptorsOf = (worker: WorkerUnderTest) =>
  asked(worker, `process.getBuiltinModule("node:fs").readdirSync("/proc/self/fd").length`);

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isTrue())) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Two versions and some clients of the first, which the second one knows. */
async function acquainted(node: string, source: string = echoApp({ ws: "ws", state: true })) {
  const bench = new Bench(node);
  const old = bench.start(source);
  const next = bench.start(source, { boot: { mode: "standby", generation: 2 } });
  const port = await portOf(old);
  await next.event("ready");
  const descriptors = await descriptorsOf(next);
  const clients = Array.from({ length: 5 }, () => new EchoClient(port));
  await Promise.all(clients.map(({ opened }) => opened));
  await until("all are there", async () => (await clientsOf(old)) === clients.length);
  assert.equal(await introduce(bench, old, next), clients.length);
  const [first, second] = clients as [EchoClient, EchoClient];
  const dispose = async () => {
    for (const { socket } of clients) socket.terminate();
    await bench[Symbol.asyncDispose]();
  };
  return {
    bench,
    old,
    next,
    port,
    clients,
    first,
    second,
    descriptors,
    [Symbol.asyncDispose]: dispose,
  };
}

for (const node of NODES) {
  test(`nobody but the process itself sees those that were introduced (${node})`, async () => {
    await using set = await acquainted(node);
    const { bench, old, next, clients } = set;
    assert.equal(await clientsOf(next), 0);
    assert.doesNotMatch(next.stdout, /connection/);
    // Whoever comes later is carried as well.
    const late = new EchoClient(set.port);
    await late.opened;
    clients.push(late);
    const { carried } = await handOffIntroduced(bench, old, next);
    assert.equal(carried, clients.length);
    assert.equal(await clientsOf(next), clients.length);
    await Promise.all(
      clients.map(async (client) => {
        client.socket.send("more");
        await client.answered(1);
        assert.match(client.answers[0]!, /^2:/);
      }),
    );
  });

  test(`what the old version ends meanwhile has ended for its client, and in the next one (${node})`, async () => {
    await using set = await acquainted(node);
    const { bench, old, next, clients, first, second } = set;
    const isClosed = async () => first.closed !== undefined && second.closed !== undefined;
    await asked(old, "[...wss.clients][0].terminate()");
    second.socket.close();
    await until("both have ended", isClosed);
    const { carried } = await handOffIntroduced(bench, old, next);
    assert.equal(carried, clients.length - 2);
    assert.equal(await clientsOf(next), clients.length - 2);
  });

  test(`an upgrade that is given up leaves them where they are (${node})`, async () => {
    await using set = await acquainted(node);
    await set.next.stop();
    for (const client of set.clients) {
      client.socket.send("still");
      await client.answered(1);
      assert.match(client.answers[0]!, /^1:/);
    }
    await asked(set.old, "[...wss.clients][0].terminate()");
    await until("it has ended", async () => set.first.closed !== undefined);
  });

  test(`when the old process dies, nothing of them stays open (${node})`, async () => {
    await using set = await acquainted(node);
    await set.old.stop();
    await until("all have ended", async () =>
      set.clients.every(({ closed }) => closed !== undefined),
    );
    await until("nothing is held", async () => (await descriptorsOf(set.next)) <= set.descriptors);
  });
}

test("the constructor of an application's own class runs when there is a connection for it", async () => {
  const own = (source: string) =>
    source
      .replace("{ WebSocketServer }", "WebSocket, { WebSocketServer }")
      .replace("{ server,", "{ server, WebSocket: Own,")
      .replace(
        "globalThis.seen",
        `globalThis.made = 0;
         class Own extends WebSocket { constructor(...all) { super(...all); globalThis.made += 1; } }
         globalThis.seen`,
      );
  await using set = await acquainted(NODES[0]!, own(echoApp({ ws: "ws" })));
  const { bench, old, next, clients } = set;
  assert.equal(await asked(next, "globalThis.made"), 0);
  await handOffIntroduced(bench, old, next);
  assert.equal(await asked(next, "globalThis.made"), clients.length);
});
