/** What an application writes must type-check as it stands: `tsc` holds this file. */
import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";
import { hot, type StateRef } from "../../../src/hot/index.ts";

interface Room {
  members: string[];
}

test("the documented uses of hot type-check", () => {
  const rooms = hot.state("rooms", {
    version: 3,
    initial: (): Map<string, Room> => new Map(),
    upgrade: {
      1: (v1: Map<string, string[]>) => v1,
      2: (v2: Map<string, string[]>) =>
        new Map([...v2].map(([key, members]) => [key, { members }])),
    },
    downgrade: {
      3: (v3: Map<string, Room>) => new Map([...v3].map(([key, { members }]) => [key, members])),
    },
  });
  const typed: StateRef<Map<string, Room>> = rooms;
  typed.value.set("a", { members: [] });

  const site = hot.state("site", {
    initial: () => new URL("http://a/"),
    encode: (url) => url.href,
    decode: (href: string) => new URL(href),
  });
  assert.equal(site.value.hostname, "a");

  const wss: WebSocketServer = new WebSocketServer({ noServer: true });
  const users = new WeakMap<WebSocket, string>();
  hot.websockets(wss, {
    save: (socket) => ({ user: users.get(socket) ?? "nobody" }),
    restore: (socket, data) => {
      users.set(socket, data.user.toUpperCase());
      socket.send("restored");
    },
  });
  hot.sockets(net.createServer(), {
    save: (socket) => socket.remotePort ?? 0,
    restore: (socket, port) => socket.setTimeout(port.valueOf()),
  });
  hot.health(() => true);
  hot.health(async () => {});
  hot.accept();
  assert.equal(hot.release?.version, undefined);
});
