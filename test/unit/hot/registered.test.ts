/** What can't be carried is refused where it is registered, and not at the first upgrade. */
import assert from "node:assert/strict";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { WebSocketServer } from "ws";
import { createHot, Registrations } from "../../../src/hot/registrations.ts";

const hot = createHot(new Registrations(), undefined);

const refused: [what: string, register: () => void, why: RegExp][] = [
  ["an HTTP server", () => hot.sockets(http.createServer()), /HTTP server's connections need no/],
  ["one of HTTP/2", () => hot.sockets(http2.createServer()), /HTTP server's connections need no/],
  ["a TLS server", () => hot.sockets(tls.createServer()), /let TLS end in a proxy/],
  ["one of HTTPS", () => hot.sockets(https.createServer()), /let TLS end in a proxy/],
  ["something else than ws", () => hot.websockets({} as never), /WebSocketServer of the ws/],
  ["engine.io alone", () => hot.socketIo({ clients: {} } as never), /engine\.io alone/],
  [
    "replay without keep",
    () => hot.sockets(net.createServer(), { replay: {} as never }),
    /replay takes \{ keep \}/,
  ],
];

for (const [what, register, why] of refused) {
  test(`${what} is refused`, () => assert.throws(register, why));
}

test("one server, twice, is refused; another one is not", () => {
  const server = net.createServer();
  hot.sockets(server);
  assert.throws(() => hot.sockets(server), /registered with hot twice/);
  hot.sockets(net.createServer(), {
    replay: { keep: (data, kept) => Buffer.concat([kept, data]) },
  });
  const wss = new WebSocketServer({ noServer: true });
  hot.websockets(wss, { replay: { keep: (data, isBinary) => !isBinary && data[0] === 1 } });
});
