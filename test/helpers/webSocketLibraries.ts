/** The table of docs/guides/websockets.md: how a library is used, and the line that carries it. */

interface Library {
  /** The server of an application that has `attend(ws)` for handler. */
  source(): string;
  /** What carries it: as in the guide. */
  line: string;
}

const LISTEN = `server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;

export const LIBRARIES: Record<string, Library> = {
  "ws, noServer behind a router": {
    line: "hot.websockets(wss);",
    source: () => `
      import http from "node:http";
      import { WebSocketServer } from "ws";
      const wss = new WebSocketServer({ noServer: true });
      const server = http.createServer();
      const routes = { "/chat": attend };
      server.on("upgrade", async (request, socket, head) => {
        await null;
        const route = routes[request.url];
        if (route) wss.handleUpgrade(request, socket, head, route);
        else socket.end("HTTP/1.1 404 Not Found\\r\\n\\r\\n");
      });
      LINE
      ${LISTEN}`,
  },
  "@fastify/websocket": {
    line: "hot.websockets(app.websocketServer);",
    source: () => `
      import fastify from "fastify";
      import websocket from "@fastify/websocket";
      const app = fastify();
      const { server } = app;
      await app.register(websocket);
      app.addHook("onRequest", async (request) => { request.user = await "ada"; });
      app.get("/chat", { websocket: true }, attend);
      LINE
      await app.ready();
      ${LISTEN}`,
  },
  "express-ws": {
    line: "hot.websockets(getWss());",
    source: () => `
      import express from "express";
      import expressWs from "express-ws";
      const app = express();
      const { getWss } = expressWs(app);
      app.ws("/chat", attend);
      LINE
      const server = app.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`,
  },
  "@hono/node-server": {
    line: "hot.websockets(wss, { router: true });",
    source: () => `
      import { Hono } from "hono";
      import { serve, upgradeWebSocket } from "@hono/node-server";
      import { WebSocketServer } from "ws";
      const app = new Hono();
      app.get("/chat", upgradeWebSocket(() => ({
        onOpen: (event, ws) => { if (!hot.carried(ws.raw)) ws.send("welcome"); },
        onMessage: ({ data }, ws) => ws.send(generation + " " + data),
      })));
      const wss = new WebSocketServer({ noServer: true });
      LINE
      const options = { fetch: app.fetch, websocket: { server: wss }, port: 0, hostname: "127.0.0.1" };
      serve(options, ({ port }) => console.log("listening", port));`,
  },
  "h3 and others on crossws": {
    line: "hot.websockets(wss, { router: true });",
    source: () => `
      import http from "node:http";
      import crossws from "crossws/adapters/node";
      import { WebSocketServer } from "ws";
      const wss = new WebSocketServer({ noServer: true });
      const ws = crossws({ wss, hooks: {
        upgrade: async () => ({ context: { user: await "ada" } }),
        open: (peer) => { if (!hot.carried(peer._internal.ws)) peer.send("welcome"); },
        message: (peer, message) => peer.send(generation + " " + message.text()),
      } });
      const server = http.createServer();
      server.on("upgrade", ws.handleUpgrade);
      LINE
      ${LISTEN}`,
  },
};

/** `attend`: what a handler of the ordinary kind does. */
export const appOf = (name: string, line = LIBRARIES[name]!.line): string => `
  import { hot } from "tsugi/hot";
  const { generation } = hot.release;
  function attend(ws) {
    if (!hot.carried(ws)) ws.send("welcome");
    ws.on("message", (data) => ws.send(generation + " " + data));
  }
  ${LIBRARIES[name]!.source().replace("LINE", line)}`;
