/** The table of docs/guides/websockets.md: how a library is used, and the line that carries it. */
import { pageAt } from "./markdown.ts";

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
  "@hono/node-ws": {
    line: "hot.websockets(wss, { router: true });",
    source: () => `
      import http from "node:http";
      import { Hono } from "hono";
      import { getRequestListener } from "@hono/node-server";
      import { createNodeWebSocket } from "@hono/node-ws";
      const app = new Hono();
      const { wss, injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app });
      app.get("/chat", upgradeWebSocket(() => ({
        onOpen: (event, ws) => { if (!hot.carried(ws.raw)) ws.send("welcome"); },
        onMessage: ({ data }, ws) => ws.send(generation + " " + data),
      })));
      const server = http.createServer(getRequestListener(app.fetch));
      injectWebSocket(server);
      LINE
      ${LISTEN}`,
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
  "@nestjs/platform-ws": {
    line: "hot.websockets(server);",
    source: () => `
      import "reflect-metadata";
      import { Module } from "@nestjs/common";
      import { NestFactory } from "@nestjs/core";
      import { WsAdapter } from "@nestjs/platform-ws";
      import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from "@nestjs/websockets";
      class Chat {
        afterInit(server) { LINE }
        handleConnection(ws) { if (!hot.carried(ws)) ws.send("welcome"); }
        say(ws, text) { ws.send(generation + " " + text); }
      }
      ConnectedSocket()(Chat.prototype, "say", 0);
      MessageBody()(Chat.prototype, "say", 1);
      SubscribeMessage("say")(Chat.prototype, "say", Object.getOwnPropertyDescriptor(Chat.prototype, "say"));
      WebSocketGateway({ path: "/chat" })(Chat);
      class App {}
      Module({ providers: [Chat] })(App);
      const app = await NestFactory.create(App, { logger: false });
      const messageParser = (data) => ({ event: "say", data: String(data) });
      app.useWebSocketAdapter(new WsAdapter(app, { messageParser }));
      await app.listen(0, "127.0.0.1");
      console.log("listening", app.getHttpServer().address().port);`,
  },
  primus: {
    line: "hot.websockets(primus.transformer.service);",
    source: () => `
      import http from "node:http";
      import Primus from "primus";
      const server = http.createServer();
      const parser = {
        encoder: (data, done) => done(undefined, data),
        decoder: (data, done) => done(undefined, String(data)),
      };
      const primus = new Primus(server, { transformer: "websockets", pathname: "/chat", parser });
      primus.on("connection", (spark) => {
        if (!hot.carried(spark.socket)) spark.write("welcome");
        spark.on("data", (data) => spark.write(generation + " " + data));
      });
      LINE
      ${LISTEN}`,
  },
};

/** What is nothing to carry, and how their connections end. */
export const OTHERS: Record<string, Library & { counts: object }> = {
  "http-proxy": {
    line: "",
    counts: { drained: 0, lost: 1 },
    source: () => `
      import http from "node:http";
      import httpProxy from "http-proxy";
      const proxy = httpProxy.createProxyServer().on("error", () => {});
      const server = http.createServer();
      const target = { host: "127.0.0.1", port: process.env.BEHIND };
      server.on("upgrade", (request, socket, head) => proxy.ws(request, socket, head, { target }));
      ${LISTEN}`,
  },
  sockjs: {
    line: "",
    counts: { drained: 0, lost: 1 },
    source: () => `
      import http from "node:http";
      import sockjs from "sockjs";
      const echo = sockjs.createServer({ log: () => {} });
      echo.on("connection", (socket) => {
        socket.write("welcome");
        socket.on("data", (data) => socket.write(generation + " " + data));
      });
      const server = http.createServer();
      echo.installHandlers(server, { prefix: "/chat" });
      ${LISTEN}`,
  },
};

interface Session extends Library {
  protocol: string;
  /** The client opens its session by these, and hears each answer once. */
  opens: [message: string, answer?: string][];
  /** Of a message with an event: the session that sent it. */
  sessionIn(message: string): number | undefined;
  asks: string;
  /** As it is answered by a generation. */
  answer(generation: number): string;
}

/** Whose they are: 201 is of generation 2, in the first of its sessions. */
const TICKS = `
let sessions = generation * 100;
async function* ticks() {
  const session = ++sessions;
  for (;; await new Promise((resolve) => setTimeout(resolve, 40))) yield { ticks: session };
}`;

/** Libraries in which a client subscribes: `keep` is what the guide gives. */
export const SESSIONS: Record<string, Session> = {
  "graphql-ws": {
    line: "hot.websockets(wss, { replay: { keep: keepSubscriptions } });",
    protocol: "graphql-transport-ws",
    opens: [
      ['{"type":"connection_init"}', '{"type":"connection_ack"}'],
      ['{"id":"1","type":"subscribe","payload":{"query":"subscription { ticks }"}}'],
    ],
    sessionIn: (text) => JSON.parse(text).payload?.data?.ticks,
    asks: '{"id":"2","type":"subscribe","payload":{"query":"{ generation }"}}',
    answer: (generation) =>
      `{"id":"2","type":"next","payload":{"data":{"generation":${generation}}}}`,
    source: () => `
      import http from "node:http";
      import { buildSchema } from "graphql";
      import { useServer } from "graphql-ws/use/ws";
      import { WebSocketServer } from "ws";
      ${TICKS}
      const schema = buildSchema("type Query { generation: Int } type Subscription { ticks: Int }");
      const roots = {
        query: { generation: () => generation },
        subscription: { ticks },
      };
      const server = http.createServer();
      const wss = new WebSocketServer({ server });
      LINE
      useServer({ schema, roots }, wss);
      ${LISTEN}`,
  },
  tRPC: {
    line: "hot.websockets(wss, { replay: { keep: keepSubscriptions } });",
    protocol: "",
    opens: [
      ['{"method":"connectionParams","data":{"user":"ada"}}'],
      [
        '{"id":1,"method":"subscription","params":{"path":"ticks"}}',
        '{"id":1,"result":{"type":"started"}}',
      ],
    ],
    sessionIn: (text) => JSON.parse(text).result?.data?.ticks,
    asks: '{"id":2,"method":"query","params":{"path":"who"}}',
    answer: (generation) => `{"id":2,"result":{"type":"data","data":"ada ${generation}"}}`,
    source: () => `
      import http from "node:http";
      import { initTRPC } from "@trpc/server";
      import { applyWSSHandler } from "@trpc/server/adapters/ws";
      import { WebSocketServer } from "ws";
      ${TICKS}
      const t = initTRPC.context().create();
      const router = t.router({
        who: t.procedure.query(({ ctx }) => ctx.user + " " + generation),
        ticks: t.procedure.subscription(() => ticks()),
      });
      const server = http.createServer();
      const wss = new WebSocketServer({ server });
      LINE
      applyWSSHandler({ wss, router, createContext: ({ info }) => info.connectionParams });
      ${LISTEN}`,
  },
};

/** `attend`: what a handler of the ordinary kind does. */
export const appOf = (name: string, line = libraryOf(name).line): string => `
  import { hot } from "tsugi/hot";
  const { generation } = hot.release;
  function attend(ws) {
    if (!hot.carried(ws)) ws.send("welcome");
    ws.on("message", (data) => ws.send(generation + " " + data));
  }
  ${libraryOf(name).source().replace("LINE", line)}`;

export const libraryOf = (name: string): Library =>
  ({ ...LIBRARIES, ...SESSIONS, ...OTHERS })[name]!;

/** The block of the guide that begins with a library's name, as JavaScript. */
export function guideCode(name: string): string {
  const { blocks } = pageAt("docs/guides/websockets.md");
  const block = blocks.find(({ text }) => text.startsWith(`// ${name}\n`));
  return block!.text.replace(/: (Buffer|number)\b/g, "");
}
