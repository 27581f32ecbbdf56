/**
 * HTTP/2 sessions cannot be carried: their compression state lives in nghttp2. They end as the
 * protocol foresees: GOAWAY, streams under way finish, a stream that came too late is refused,
 * which tells a client that it may safely send it again. (A GOAWAY that only gives notice, with the
 * highest of all numbers, would refuse none; but after any of ours nghttp2 reads no more where no
 * stream is open, and what was on its way would hang.)
 */
import type { Http2Server, Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Holder } from "../../protocol/worker.ts";
import { streamsOf } from "../node/http.ts";
import { asksForEvents, endSpread, isOfEvents } from "./eventSources.ts";

/** NGHTTP2_REFUSED_STREAM; `node:http2` itself is loaded only by those who serve it. */
const REFUSED_STREAM = 7;

type StreamParts = [stream: ServerHttp2Stream, ...rest: unknown[]];

export const isHttp2Server = (server: object): server is Http2Server =>
  typeof (server as Partial<Http2Server>).updateSettings === "function";

export class Http2Sessions {
  readonly #server: Http2Server;
  readonly #sessions = new Set<Http2Session>();
  readonly #heads = new WeakMap<ServerHttp2Stream, IncomingHttpHeaders>();
  #waiting: StreamParts[] = [];
  #restoreEmit: (() => void) | undefined;
  /** Late streams are let through. */
  #servesLast = false;

  constructor(server: Http2Server) {
    this.#server = server;
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("stream", (stream, head) => this.#heads.set(stream, head));
      session.once("close", () => this.#sessions.delete(session));
    });
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Streams that began since the freeze. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  freeze(): void {
    this.#servesLast = false;
    if (this.#restoreEmit) return;
    const server = this.#server;
    const own = Object.getOwnPropertyDescriptor(server, "emit");
    const { emit } = server;
    server.emit = ((event: string, ...parts: unknown[]) => {
      if (event !== "stream" || this.#servesLast)
        return Reflect.apply(emit, server, [event, ...parts]);
      this.#waiting.push(parts as StreamParts);
      return true;
    }) as typeof emit;
    this.#restoreEmit = () => {
      if (own) Object.defineProperty(server, "emit", own);
      else delete (server as Partial<Http2Server>).emit;
    };
  }

  thaw(): void {
    this.unhook();
    this.flush();
  }

  /** The first half of a thaw: the server is as it was, and what waits is not yet let go. */
  unhook(): void {
    this.#restoreEmit?.();
    this.#restoreEmit = undefined;
  }

  flush(): void {
    for (const parts of this.#waiting.splice(0)) this.#server.emit("stream", ...(parts as [never]));
  }

  /** Streams whose head the application has not sent. */
  holders(): Holder[] {
    const waiting = new Set<unknown>(this.#waiting.map(([stream]) => stream));
    return this.#open()
      .filter((stream) => !waiting.has(stream) && !stream.headersSent)
      .map((stream) => ({ kind: "request", name: `HTTP/2 stream ${stream.id}`, ageMs: 0 }));
  }

  /** `serve`: late streams are still for this generation (it has no state that has gone on). */
  end(serve: boolean): void {
    if (serve) {
      // Not unhooked: a gate may have hooked the same server since, for its HTTP/1 connections.
      this.#servesLast = true;
      this.flush();
    }
    for (const [stream] of this.#waiting.splice(0)) refuse(stream);
    for (const session of this.#sessions) session.close();
    endSpread(this.#open().filter((stream) => this.#comesBack(stream)));
  }

  /** Those that have nothing under way. */
  destroyIdle(): void {
    const busy = new Set<unknown>(this.#open().map(({ session }) => session));
    for (const session of this.#sessions) if (!busy.has(session)) session.destroy();
  }

  /** @returns what was cut short by it */
  destroy(): string[] {
    const cut = this.#open().filter((stream) => !this.#comesBack(stream));
    for (const session of this.#sessions) session.destroy();
    return cut.map((stream) => {
      const { ":method": method, ":path": path } = this.#heads.get(stream) ?? {};
      return `${method} ${path?.split("?")[0]} (an HTTP/2 stream)`;
    });
  }

  #open(): ServerHttp2Stream[] {
    const open = (stream: ServerHttp2Stream) => !stream.closed && !stream.writableFinished;
    return [...this.#sessions].flatMap(streamsOf).filter(open);
  }

  #comesBack(stream: ServerHttp2Stream): boolean {
    const { ":method": method, accept } = this.#heads.get(stream) ?? {};
    return asksForEvents(method, accept) && isOfEvents(stream.sentHeaders?.["content-type"]);
  }
}

/** The application has not seen it, so nobody else hears of its error, which would end the process. */
function refuse(stream: ServerHttp2Stream): void {
  stream.on("error", () => {});
  stream.close(REFUSED_STREAM);
}
