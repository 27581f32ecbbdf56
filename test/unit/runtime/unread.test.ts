import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import type { SocketInternals } from "../../../src/runtime/node/internals.ts";
import { becomeUnread, takeUnread } from "../../../src/runtime/node/unread.ts";

test("half a character that was taken is not there once more when its connection comes back", () => {
  const socket = new net.Socket();
  socket.setEncoding("utf8");
  socket.push(Buffer.from([0x61, 0xc3]));
  const taken = takeUnread(socket as SocketInternals);
  assert.deepEqual([...taken], [0x61, 0xc3]);
  becomeUnread(socket as SocketInternals);
  assert.equal(socket.readableLength, 0);
  socket.destroy();
});
