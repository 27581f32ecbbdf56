import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net, { type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ENVELOPE, type WorkerBoot } from "../../../src/protocol/worker.ts";
import type { RawHandle } from "../../../src/runtime/supervisor/listeners.ts";
import { spawnChannel } from "../../../src/runtime/supervisor/workerChannel.ts";

const CONNECTIONS = 8;
const says = (event: object) => `process.send(${JSON.stringify({ cmd: ENVELOPE, tsugi: event })})`;

async function spawnWorker(t: TestContext, code: string) {
  const folder = await mkdtemp(join(tmpdir(), "tsugi-channel-"));
  t.after(() => rm(folder, { recursive: true }));
  const entry = join(folder, "entry.mjs");
  await writeFile(entry, code);
  const boot = { entry } as WorkerBoot;
  const env = { PATH: process.env.PATH! };
  const spec = { node: process.execPath, preload: entry, nodeArgs: [], cwd: folder, env, boot };
  const worker = spawnChannel(spec);
  t.after(() => worker.kill("SIGKILL"));
  const exited = new Promise<void>((resolve) => worker.onExit(() => resolve()));
  return { worker, exited, folder };
}

test("what is said to a worker before it listens waits until it does", async (t) => {
  const code = `
    import { existsSync } from "node:fs";
    process.on("message", () => {});
    while (!existsSync("said")) await new Promise(setImmediate);
    const answer = ({ tsugi }) => ${says({ type: "notice", text: "" }).replace('""', "tsugi.type")};
    process.on("internalMessage", answer);
    ${says({ type: "hears" })};`;
  const { worker, folder } = await spawnWorker(t, code);
  const heard = new Promise<unknown>((resolve) =>
    worker.onEvent((event) => event.type === "notice" && resolve(event.text)),
  );
  const sent = new Promise<void>((resolve) => {
    worker.send({ type: "evaluate", id: 1, expression: "1" }, undefined, resolve);
  });
  await writeFile(join(folder, "said"), "");
  assert.equal(await heard, "evaluate");
  await sent;
});

test("what waits for a worker that ends before it listens is let go of", async (t) => {
  const { worker, exited } = await spawnWorker(t, "process.exit(1)");
  let gone = 0;
  worker.send({ type: "evaluate", id: 1, expression: "1" }, undefined, () => {
    gone += 1;
  });
  await exited;
  assert.equal(gone, 1);
});

test("a worker that could not be spawned has no family: nobody is ended with it", async (t) => {
  const node = join(tmpdir(), "no such node");
  const boot = { entry: "entry.mjs" } as WorkerBoot;
  const spec = { node, preload: node, nodeArgs: [], cwd: tmpdir(), env: {}, boot };
  const worker = spawnChannel(spec);
  await new Promise<void>((resolve) => worker.onExit(() => resolve()));
  // It was given the pid 0, and the first process of the machine is a child of that.
  const kill = t.mock.method(process, "kill", () => true);
  assert.deepEqual(await worker.family!.end(0), { ended: [], killed: [], running: [] });
  assert.deepEqual(kill.mock.calls, []);
});

test("connections that are on their way to a worker when it is killed are closed", async (t) => {
  const code = `process.on("message", () => {}); ${says({ type: "hears" })}; console.log("up");`;
  const { worker, exited } = await spawnWorker(t, code);
  await new Promise<void>((resolve) => worker.onOutput(() => resolve()));
  // It acknowledges nothing any more: all but the first wait here.
  worker.kill("SIGSTOP");

  const server = net.createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const clients: Socket[] = [];
  for (let number = 0; number < CONNECTIONS; number += 1) {
    clients.push(net.connect((server.address() as AddressInfo).port, "127.0.0.1"));
    const [socket] = (await once(server, "connection")) as [Socket];
    const { _handle: handle } = socket as unknown as { _handle: RawHandle };
    t.after(() => handle.close());
    worker.send({ type: "adopt", meta: {} as never }, handle, () => handle.close());
  }
  const closed = clients.map((client) => {
    client.on("error", () => {}).resume();
    return once(client, "close", { signal: AbortSignal.timeout(10_000) });
  });
  worker.kill("SIGKILL");
  await exited;
  const ends = await Promise.allSettled(closed);
  assert.deepEqual(
    ends.map(({ status }) => status),
    ends.map(() => "fulfilled"),
  );
});
