/** Applications with WebSockets for the contract tests, and clients that count what they get. */
import { fileURLToPath, pathToFileURL } from "node:url";
import WebSocket from "ws";
import { PATIENCE_MS } from "./patience.ts";

/** Installed under these names (package.json), so that several versions stand side by side. */
export const WS_PACKAGES = ["ws-8.0", "ws-8.8", "ws-8.13", "ws-8.18", "ws"];

/** What an application of a test imports for one of them. */
export const wsModule = (name: string): string =>
  pathToFileURL(fileURLToPath(new URL(`../../node_modules/${name}/wrapper.mjs`, import.meta.url)))
    .href;

export interface EchoAppOptions {
  ws: string;
  /** Keeps a `hot.state`, so that it is frozen before it is left. */
  state?: boolean;
  /** `port`, `server` or `noServer`. */
  use?: "port" | "server" | "noServer";
  deflate?: boolean;
  /** The message listener awaits this long before it answers. */
  awaitMs?: number;
  register?: boolean;
}

/**
 * Answers each message with `<generation>:<count of this connection>:<message>`; the count goes
 * along by save and restore. Says in its output what it was told about connections.
 */
export function echoApp(options: EchoAppOptions): string {
  const {
    ws,
    state = false,
    use = "server",
    deflate = false,
    awaitMs = 0,
    register = true,
  } = options;
  const common = `perMessageDeflate: ${deflate ? "{ threshold: 0 }" : "false"}`;
  const make = {
    port: `const wss = new WebSocketServer({ port: 0, host: "127.0.0.1", ${common} });
      wss.on("listening", () => console.log("listening", wss.address().port));`,
    server: `const server = http.createServer();
      const wss = new WebSocketServer({ server, ${common} });
      server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`,
    noServer: `const server = http.createServer();
      const wss = new WebSocketServer({ noServer: true, ${common} });
      server.on("upgrade", (request, socket, head) =>
        wss.handleUpgrade(request, socket, head, (ws) => wss.emit("connection", ws, request)));
      server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`,
  }[use];
  return `
    import http from "node:http";
    import { hot } from "tsugi/hot";
    import { WebSocketServer } from ${JSON.stringify(wsModule(ws))};
    const { generation } = hot.release;
    ${state ? `const seen = hot.state("seen", { initial: () => ({ messages: 0, open: 0 }) });` : `const seen = { value: { messages: 0, open: 0 } };`}
    globalThis.seen = seen;
    ${make}
    globalThis.wss = wss;
    ${
      register
        ? `hot.websockets(wss, {
      save: (ws) => ({ count: ws.count, tags: new Map([["a", ws.count]]) }),
      restore: (ws, data) => { ws.count = data.count; ws.tag = data.tags.get("a"); },
    });`
        : ""
    }
    wss.on("connection", (ws, request) => {
      if (!hot.carried(ws)) {
        ws.count = 0;
        seen.value.open += 1;
        ws.send("welcome " + generation + " " + request.url);
      }
      console.log(["connection", generation, hot.carried(ws), request.url, request.headers["x-id"],
        request.socket.remoteAddress, ws.count, ws.protocol, wss.clients.has(ws)].join(" "));
      ws.on("message", async (data, isBinary) => {
        const count = ++ws.count;
        seen.value.messages += 1;
        if (${awaitMs} > 50) console.log("got", generation);
        if (${awaitMs} > 0) await new Promise((resolve) => setTimeout(resolve, ${awaitMs}));
        ws.send(isBinary ? data : generation + ":" + count + ":" + data);
      });
      ws.on("close", (code, reason) => {
        seen.value.open -= 1;
        console.log(["closed", generation, code, String(reason), wss.clients.size].join(" "));
      });
    });
  `;
}

/** A client that notes every message, and how the connection ended. */
export class EchoClient {
  readonly socket: WebSocket;
  readonly messages: string[] = [];
  readonly opened: Promise<unknown>;
  closed: { code: number; reason: string } | undefined;
  #watchers = new Set<() => void>();

  constructor(
    to: number | string,
    options: WebSocket.ClientOptions & { path?: string; protocols?: string[] } = {},
  ) {
    const { path = "/chat?room=1", protocols = ["b", "a"], ...rest } = options;
    const url = typeof to === "string" ? to : `ws://127.0.0.1:${to}${path}`;
    this.socket = new WebSocket(url, protocols, {
      headers: { "x-id": "7" },
      ...rest,
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.once("open", resolve).once("error", reject);
    });
    this.opened.catch(() => {});
    this.socket.on("error", () => {});
    this.socket.on("message", (data, isBinary) => {
      this.messages.push(isBinary ? `binary ${(data as Buffer).length}` : String(data));
      this.#notify();
    });
    this.socket.on("close", (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#notify();
    });
  }

  /** The messages that are answers, without the welcome. */
  get answers(): string[] {
    return this.messages.filter((message) => !message.startsWith("welcome"));
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  async until(what: string, pick: () => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
    if (pick()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        const got = JSON.stringify(this.messages.slice(-3));
        reject(
          new Error(`no ${what}; last of ${this.messages.length}: ${got} ${this.closed?.code}`),
        );
      }, timeoutMs);
      const check = () => {
        if (!pick()) return;
        clearTimeout(timer);
        this.#watchers.delete(check);
        resolve();
      };
      this.#watchers.add(check);
    });
  }

  answered(count: number): Promise<void> {
    return this.until(`answer ${count}`, () => this.answers.length >= count);
  }
}
