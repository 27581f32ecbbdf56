import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net, { type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { WorkerBoot } from "../../../src/protocol/worker.ts";
import type { RawHandle } from "../../../src/runtime/supervisor/listeners.ts";
import { spawnChannel } from "../../../src/runtime/supervisor/workerChannel.ts";

const CONNECTIONS = 8;

test("connections that are on their way to a worker when it is killed are closed", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "tsugi-channel-"));
  t.after(() => rm(folder, { recursive: true }));
  const entry = join(folder, "entry.mjs");
  await writeFile(entry, 'process.on("message", () => {}); console.log("up");');
  const boot = { entry } as WorkerBoot;
  const env = { PATH: process.env.PATH! };
  const spec = { node: process.execPath, preload: entry, nodeArgs: [], cwd: folder, env, boot };
  const worker = spawnChannel(spec);
  t.after(() => worker.kill("SIGKILL"));
  const exited = new Promise<void>((resolve) => worker.onExit(() => resolve()));
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
