import type { Server } from "node:http";
import { hot } from "tsugi/hot";
import { type WebSocket, WebSocketServer } from "ws";
import { eventsAfter, type FeedEvent, sequence } from "./live.ts";
import { version } from "./version.ts";

/** What we know of one viewer; it travels with the connection when that is carried. */
interface Viewer {
  /** The admiral whose results they want to see; all, if null. */
  follows: string | null;
  /** Sequence of the last event that they were sent, or that was not for them. */
  seen: number;
}

const HEARTBEAT_MS = 30_000;

const viewers = new Map<WebSocket, Viewer>();

/** Serves `ws://…/feed?admiral=<name>&after=<sequence>`. */
export function openFeed(server: Server): void {
  const feed = new WebSocketServer({ server, path: "/feed" });
  hot.websockets(feed, {
    save: (socket) => viewers.get(socket)!,
    restore: (socket, viewer) => viewers.set(socket, viewer),
  });

  feed.on("connection", (socket, request) => {
    // A carried connection is no newcomer: it has had its welcome from the version before. But
    // while it was on its way here, results may have come in.
    if (!hot.carried(socket)) welcome(socket, new URL(request.url ?? "/", "ws://feed"));
    catchUp(socket);
    socket.on("message", (data) => answer(socket, String(data)));
    socket.on("close", () => viewers.delete(socket));
    socket.on("error", () => socket.terminate());
  });

  // Only one generation at a time may ping: timers start and stop with it.
  let heartbeat: NodeJS.Timeout;
  hot.activate(() => {
    heartbeat = setInterval(() => {
      for (const socket of viewers.keys()) socket.ping();
    }, HEARTBEAT_MS);
  });
  hot.freeze(() => clearInterval(heartbeat));
}

export function broadcast(event: FeedEvent): void {
  for (const [socket, viewer] of viewers) show(socket, viewer, event);
}

function show(socket: WebSocket, viewer: Viewer, event: FeedEvent): void {
  viewer.seen = event.sequence;
  if (viewer.follows === null || viewer.follows === event.admiral) {
    send(socket, { type: "result", ...event });
  }
}

function catchUp(socket: WebSocket): void {
  const viewer = viewers.get(socket)!;
  for (const event of eventsAfter(viewer.seen)) show(socket, viewer, event);
}

function welcome(socket: WebSocket, { searchParams }: URL): void {
  const seen = Number(searchParams.get("after") ?? sequence());
  viewers.set(socket, { follows: searchParams.get("admiral"), seen });
  send(socket, { type: "welcome", version, sequence: seen });
}

function answer(socket: WebSocket, text: string): void {
  const message = parse(text);
  if (message.type === "follow") viewers.get(socket)!.follows = message.admiral ?? null;
  if (message.type === "ping") send(socket, { type: "pong", id: message.id, version });
}

function parse(text: string) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

const send = (socket: WebSocket, message: object) => socket.send(JSON.stringify(message));
