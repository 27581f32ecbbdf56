/** A process of the web is ready when it has answered something; by what it is, others are by listening. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { buildWall, type WallReleases } from "../helpers/wall.ts";

/** Before wall makes its server: what every request meets. */
const handler = (code: string) =>
  `const { createServer } = http; http.createServer = () => createServer((request, response) => { ${code} });`;

describe("the first answer", () => {
  let releases: WallReleases;
  before(async () => {
    releases = await buildWall({
      "1.0.0": {
        extra: `const net = await import("node:net");
          globalThis.heard = [];
          net.createServer((socket) => socket.on("data", (bytes) => heard.push(String(bytes)))).listen(0);
          http.createServer().listen(0);`,
      },
      "1.1.0": { extra: handler('throw new Error("no views");') },
      "1.2.0": { extra: handler("") },
    });
  });
  after(() => releases.dispose());

  test("one that dies of its first request was never ready, and its last words are said", async (t) => {
    const { host } = await releases.host(t, "1.1.0");
    const { status, stderr } = await host.app("start");
    assert.equal(status, 1, stderr);
    assert.match(stderr, /main\.0 died of its first request: it exited with code 1/);
    assert.match(stderr, /no views/);
  });

  test("an upgrade to it is handed back, before anybody else has asked", async (t) => {
    const { host, get } = await releases.host(t);
    await host.must("start");
    const upgrade = ["upgrade", releases.tarball("1.1.0"), "--json"];
    const { status, stdout, stderr } = await host.app(...upgrade);
    assert.equal(status, 5, stderr);
    assert.equal(JSON.parse(stdout).result, "handed-back");
    assert.equal((await get()).version, "1.0.0");
  });

  test("a server of TCP alone, and one that answers nobody, are not asked", async (t) => {
    const { host } = await releases.host(t);
    await host.must("start");
    assert.equal((await host.must("rpc", "heard.length")).stdout, "0\n");
    assert.doesNotMatch((await host.must("logs")).stdout, /has had no answer/);
  });

  test("one that keeps the question waiting is said to, and serves", async (t) => {
    const { host } = await releases.host(t, "1.2.0");
    await host.must("start");
    assert.match(
      (await host.must("logs")).stdout,
      /GET \/ on port \d+ has had no answer; it listens/,
    );
  });
});
