/** A process of the web is ready when it has answered something; by what it is, others are by listening. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startTraffic, type Workload } from "../helpers/traffic/index.ts";
import { buildWall, type WallReleases } from "../helpers/wall.ts";

/** Before wall makes its server: what every request meets. */
const handler = (code: string) =>
  `const { createServer } = http; http.createServer = () => createServer((request, response) => { ${code} });`;

const versions: Workload = {
  request: () => ({ method: "GET", path: "/" }),
  check: (_id, { body }) => JSON.parse(body.toString()).version,
};

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
      "1.3.0": {
        extra: `const { listen } = http.Server.prototype;
          http.Server.prototype.listen = function (...all) { setTimeout(() => listen.apply(this, all), 2500); };`,
      },
      "1.5.0": {
        extra: `const { hot } = await import("tsugi/hot");
          const { listen } = http.Server.prototype;
          http.Server.prototype.listen = function (...all) { hot.activate(() => { listen.apply(this, all); }); };`,
      },
      "1.4.0": { extra: "http.Server.prototype.listen = () => setInterval(() => {}, 1000);" },
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

  test("a start of one that listens late returns when it answers", async (t) => {
    const { host, get } = await releases.host(t, "1.3.0");
    await host.must("start");
    assert.equal((await get()).version, "1.3.0");
  });

  test("in an upgrade one that listens late is waited for, and nobody fails", async (t) => {
    const { host, port, get } = await releases.host(t);
    await host.must("start");
    const clients = { newConnection: 2, keepAlive: 2 };
    const traffic = await startTraffic({ host: "127.0.0.1", port }, versions, clients);
    try {
      await host.must("upgrade", releases.tarball("1.3.0"));
      assert.equal((await get()).version, "1.3.0");
      await traffic.answers(20);
    } finally {
      await traffic.stop();
    }
    assert.deepEqual(
      traffic.tallies.flatMap(({ problems }) => problems),
      [],
    );
  });

  test("in an upgrade one that listens only once it is activated is not waited for before that", async (t) => {
    const { host, get } = await releases.host(t);
    await host.must("start");
    await host.must("upgrade", releases.tarball("1.5.0"));
    assert.equal((await get()).version, "1.5.0");
    const { stdout: log } = await host.must("logs", "-n", "200");
    assert.doesNotMatch(log, /it counts as ready/);
    await host.must("rollback");
    assert.equal((await get()).version, "1.0.0");
  });

  test("one that listens nowhere is refused where the old one listens, which goes on", async (t) => {
    const { host, get } = await releases.host(t);
    await host.must("start");
    const { status, stderr } = await host.app("upgrade", releases.tarball("1.4.0"));
    assert.equal(status, 4, stderr);
    assert.match(stderr, /neither listens, nor said that it is ready/);
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
