// A process of its own that holds open WebSockets and asks on them in turn, all the while: how long the
// longest answer took beyond the ordinary one is how long the service was quiet. Speaks over IPC:
//   "count" → { counted: longest, median, closed } since the last time.
import { once } from "node:events";
import WebSocket from "ws";

const [port, count] = process.argv.slice(2).map(Number);
const OPENED_AT_ONCE = 100;
const ASK_EVERY_MS = 1;

const sockets = [];
const askedMs = new WeakMap();
let times = [];
let closed = 0;
while (sockets.length < count) {
  const some = Array.from({ length: Math.min(OPENED_AT_ONCE, count - sockets.length) }, () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
    socket.on("error", () => {});
    socket.on("close", () => closed++);
    socket.on("message", () => {
      times.push(performance.now() - askedMs.get(socket));
      askedMs.delete(socket);
    });
    return socket;
  });
  await Promise.all(some.map((socket) => once(socket, "open")));
  sockets.push(...some);
}

let next = 0;
setInterval(() => {
  const socket = sockets[next++ % sockets.length];
  if (socket.readyState !== WebSocket.OPEN || askedMs.has(socket)) return;
  askedMs.set(socket, performance.now());
  socket.send("x");
}, ASK_EVERY_MS);

process.on("message", () => {
  const sorted = times.sort((a, b) => a - b);
  times = [];
  process.send({ longest: sorted.at(-1) ?? 0, median: sorted[sorted.length >> 1] ?? 0, closed });
});
process.on("disconnect", () => process.exit());
process.send("open");
