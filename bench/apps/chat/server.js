// A chat of rooms, and news for everybody that are counted: what a reload can lose.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { hot } from "tsugi/hot";

const NEWS_EVERY_MS = 250;
const version = hot.release?.version ?? versionOf(new URL("package.json", import.meta.url));
const state = hot.state("chat", { initial: () => ({ news: 0 }) });

const server = createServer((_request, response) => {
  response.setHeader("x-version", version);
  response.end("chat\n");
});
const io = new Server(server);
hot.socketIo(io);
io.on("connection", (socket) => {
  if (!hot.carried(socket)) socket.join(`room ${socket.handshake.query.room}`);
  socket.on("say", (text, answer) => {
    socket.to([...socket.rooms].filter((room) => room !== socket.id)).emit("said", text);
    answer();
  });
});

let timer;
hot.activate(() => {
  timer = setInterval(() => io.emit("news", ++state.value.news), NEWS_EVERY_MS);
});
hot.freeze(() => clearInterval(timer));

// What one writes for a restart by systemd, PM2 or a script; tsugi does not ask for it.
if (hot.release === undefined) {
  for (const signal of ["SIGINT", "SIGTERM"])
    process.once(signal, () => io.close(() => process.exit()));
}

function versionOf(manifest) {
  return JSON.parse(readFileSync(manifest, "utf8")).version;
}

server.listen(Number(process.env.PORT), "127.0.0.1");
