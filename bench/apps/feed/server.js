// HTTP, a feed over WebSockets, and a sequence in memory: what a reload can lose.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { hot } from "tsugi/hot";
import { WebSocketServer } from "ws";

const version = hot.release?.version ?? versionOf(new URL("package.json", import.meta.url));
const state = hot.state("feed", { initial: () => ({ sequence: 0 }) });
/** Socket → the sequence of the last event that it was sent. */
const seen = new Map();

const server = createServer((request, response) => {
  if (request.url === "/") {
    state.value.sequence += 1;
    for (const socket of seen.keys()) catchUp(socket);
  }
  response.setHeader("x-request-id", request.headers["x-request-id"] ?? "");
  response.setHeader("x-version", version);
  response.end(`{"sequence":${state.value.sequence}}`);
});

const feed = new WebSocketServer({ server, path: "/feed" });
hot.websockets(feed, {
  save: (socket) => seen.get(socket),
  restore: (socket, sequence) => seen.set(socket, sequence),
});
feed.on("connection", (socket) => {
  if (!hot.carried(socket)) {
    seen.set(socket, state.value.sequence);
    send(socket, { type: "welcome", sequence: state.value.sequence });
  }
  catchUp(socket);
  socket.on("message", (data) => send(socket, { type: "pong", id: JSON.parse(data).id, version }));
  socket.on("close", () => seen.delete(socket));
});

function catchUp(socket) {
  for (let next = seen.get(socket) + 1; next <= state.value.sequence; next += 1) {
    send(socket, { type: "result", sequence: next });
  }
  seen.set(socket, state.value.sequence);
}

// What one writes for a restart by systemd, PM2 or a script; tsugi does not ask for it.
if (hot.release === undefined) {
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      server.close(() => process.exit());
      for (const socket of feed.clients) socket.close(1012);
    });
  }
}

function versionOf(file) {
  return JSON.parse(readFileSync(file, "utf8")).version;
}

const send = (socket, message) => socket.send(JSON.stringify(message));

server.listen(Number(process.env.PORT), "127.0.0.1");
