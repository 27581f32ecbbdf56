// HTTP and WebSockets that answer at once, and a state of any size: what a swap in place carries.
import { createServer } from "node:http";
import { hot } from "tsugi/hot";
import { WebSocketServer } from "ws";
import { state } from "./state.js";

hot.accept();

const server = createServer((_request, response) => {
  response.end(String(state.value.size ?? state.value.length));
});
const sockets = new WebSocketServer({ server });
hot.websockets(sockets, {});
sockets.on("connection", (socket) => {
  socket.on("message", (data) => socket.send(data));
});
// The state is there before anybody asks for it.
hot.prepare(() => {
  if (hot.release?.previous === null) state.value;
});

server.listen(Number(process.env.PORT), "127.0.0.1");
