import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { WebSocketServer } from "ws";
import { plainWorkload, startTraffic, type TrafficOptions } from "../../helpers/traffic/index.ts";

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

async function listening(listener: RequestListener): Promise<Server> {
  // A test process that is held up must not look like an idle client to its own server.
  const server = createServer({ keepAliveTimeout: 60_000 }, listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return server;
}

const targetOf = (server: Server) => ({
  host: "127.0.0.1",
  port: (server.address() as AddressInfo).port,
});

const echo: RequestListener = (request, response) => {
  request.resume();
  response.setHeader("x-request-id", request.headers["x-request-id"] ?? "");
  response.setHeader("x-version", "1").end("{}");
};

async function tallyOf(server: Server, options: TrafficOptions, until = 20) {
  const traffic = await startTraffic(targetOf(server), plainWorkload("/"), options);
  await traffic.answers(until);
  const [tally] = await traffic.stop();
  return tally!;
}

for (const kind of ["newConnection", "keepAlive", "pipelining", "slowUploads"] as const) {
  test(`a faultless server has a clean tally (${kind})`, async () => {
    const tally = await tallyOf(await listening(echo), { [kind]: 2, pauseMs: 1 });
    assert.equal(tally.counts.sent, tally.counts.answered);
    assert.equal(tally.failures, 0, tally.problems.join("\n"));
    assert.equal(tally.counts.reconnected, 0);
    assert.equal(tally.byVersion.get("1"), tally.counts.answered);
  });
}

test("a connection that the server closes between requests is a reconnect", async () => {
  let requests = 0;
  const server = await listening((request, response) => {
    requests += 1;
    if (requests % 5 === 0) response.setHeader("connection", "close");
    echo(request, response);
  });
  const tally = await tallyOf(server, { keepAlive: 1, pauseMs: 1 });
  assert.equal(tally.failures, 0);
  assert.ok(tally.counts.reconnected >= 3);
});

test("a connection that goes away under a request is a reset", async () => {
  let requests = 0;
  const server = await listening((request, response) => {
    requests += 1;
    if (requests === 5) request.socket.destroy();
    else echo(request, response);
  });
  const tally = await tallyOf(server, { keepAlive: 1, pauseMs: 1 });
  assert.equal(tally.counts.reset, 1);
});

test("a second answer is noticed", async () => {
  let requests = 0;
  const server = await listening((request, response) => {
    requests += 1;
    echo(request, response);
    if (requests === 5) request.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  });
  const tally = await tallyOf(server, { keepAlive: 1, pauseMs: 5 });
  assert.ok(tally.counts.answeredTwice + tally.counts.wrong >= 1);
});

test("another request's answer is wrong", async () => {
  let requests = 0;
  const server = await listening((request, response) => {
    requests += 1;
    if (requests === 5) request.headers["x-request-id"] = "somebody-else";
    echo(request, response);
  });
  const tally = await tallyOf(server, { keepAlive: 1, pauseMs: 1 });
  assert.equal(tally.counts.wrong, 1);
});

test("a server that is not there refuses", async () => {
  const server = await listening(echo);
  const target = targetOf(server);
  server.close();
  const traffic = await startTraffic(target, plainWorkload("/"), { newConnection: 1, pauseMs: 1 });
  await assert.rejects(traffic.answers(1, 50));
  const [tally] = await traffic.stop();
  assert.ok(tally!.counts.refused > 0);
  assert.equal(tally!.counts.refused, tally!.counts.sent);
});

test("a feed's gaps, disorder and lost connections are counted", async () => {
  const server = await listening(echo);
  const feed = new WebSocketServer({ server, path: "/feed" });
  let pings = 0;
  feed.on("connection", (socket) => {
    const send = (message: object) => socket.send(JSON.stringify(message));
    send({ type: "welcome", sequence: 0 });
    socket.on("message", (data) => {
      pings += 1;
      if (pings === 2) for (const sequence of [1, 2, 5, 4]) send({ type: "result", sequence });
      if (pings === 4) socket.close(1012);
      else if (pings === 7) socket.terminate();
      else send({ type: "pong", id: JSON.parse(String(data)).id, version: "1" });
    });
  });
  const tally = await tallyOf(server, { webSockets: 1, pauseMs: 1 });
  const { missed, disordered, reconnected, reset, sent, answered } = tally.counts;
  assert.deepEqual(
    { missed, disordered, reconnected, reset },
    {
      missed: 2,
      disordered: 1,
      reconnected: 2,
      reset: 1,
    },
  );
  assert.equal(sent, answered + 1);
});
