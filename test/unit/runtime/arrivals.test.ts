import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { Arrivals } from "../../../src/runtime/handoff/arrivals.ts";
import type { SocketInternals } from "../../../src/runtime/node/internals.ts";

const NEVER_MS = 600_000;

test("those that have come are not read before all have, and then every byte is", async (t) => {
  const arrivals = new Arrivals(NEVER_MS);
  const [resting, other] = [await connected(t), await connected(t)];
  let isRead = false;
  arrivals.add(resting.server as unknown as SocketInternals, () => {
    isRead = true;
  });
  const read = once(resting.server, "data");
  resting.client.write("first");
  // What came later on another connection has been read: this one was left alone.
  other.client.write("x");
  await once(other.server, "data");
  assert.deepEqual([resting.server.bytesRead, isRead], [0, false]);

  arrivals.end();
  assert.equal(String((await read)[0]), "first");
  assert.ok(isRead);
});

test("a connection that comes after the last one does not rest", async (t) => {
  const arrivals = new Arrivals(NEVER_MS);
  arrivals.end();
  const { server, client } = await connected(t);
  arrivals.add(server as unknown as SocketInternals, () => {});
  client.write("at once");
  assert.equal(String((await once(server, "data"))[0]), "at once");
});

test("nobody waits for long for those that do not come", async (t) => {
  const arrivals = new Arrivals(1);
  const { server, client } = await connected(t);
  await new Promise<void>((resolve) => {
    arrivals.add(server as unknown as SocketInternals, resolve);
  });
  client.write("by itself");
  assert.equal(String((await once(server, "data"))[0]), "by itself");
});

/** Both ends of a connection; the server's is being read. */
async function connected(t: TestContext): Promise<{ server: Socket; client: Socket }> {
  const listening = net.createServer().listen(0, "127.0.0.1");
  await once(listening, "listening");
  const accepted = once(listening, "connection");
  const client = net.connect((listening.address() as AddressInfo).port, "127.0.0.1");
  const [server] = (await accepted) as [Socket];
  server.resume();
  t.after(() => {
    client.destroy();
    server.destroy();
    listening.close();
  });
  return { server, client };
}
