// HTTP, a feed over WebSockets, and a sequence in memory: what a reload can lose.
import { createServer } from "node:http";
import { hot } from "tsugi/hot";
import { WebSocketServer } from "ws";

const version = process.env.npm_package_version ?? hot.release?.version ?? "1.0.0";
const state = hot.state("feed", { initial: () => ({ sequence: 0 }) });

const server = createServer((request, response) => {
  if (request.url === "/") tell();
  response.setHeader("x-request-id", request.headers["x-request-id"] ?? "");
  response.setHeader("x-version", version);
  response.end(`{"sequence":${state.value.sequence}}`);
});

function tell() {
  state.value.sequence += 1;
  const event = JSON.stringify({ type: "result", sequence: state.value.sequence });
  for (const socket of feed.clients) socket.send(event);
}

const feed = new WebSocketServer({ server, path: "/feed" });
hot.websockets(feed);
feed.on("connection", (socket) => {
  const send = (message) => socket.send(JSON.stringify(message));
  if (!hot.carried(socket)) send({ type: "welcome", sequence: state.value.sequence });
  socket.on("message", (data) => send({ type: "pong", id: JSON.parse(data).id, version }));
});

server.listen(Number(process.env.PORT), "127.0.0.1");
