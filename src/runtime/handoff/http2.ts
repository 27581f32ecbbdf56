/**
 * HTTP/2 sessions cannot be carried: their compression state lives in nghttp2. They end as the
 * protocol foresees: GOAWAY, streams under way finish, a stream that came too late is refused,
 * which tells a client that it may safely send it again.
 */
import type { Http2Server, Http2Session, ServerHttp2Stream } from "node:http2";
import type { Holder } from "../../protocol/worker.ts";
import { streamsOf } from "../node/http.ts";

/** NGHTTP2_REFUSED_STREAM; `node:http2` itself is loaded only by those who serve it. */
const REFUSED_STREAM = 7;

type StreamParts = [stream: ServerHttp2Stream, ...rest: unknown[]];

export const isHttp2Server = (server: object): server is Http2Server =>
  typeof (server as Partial<Http2Server>).updateSettings === "function";

export class Http2Sessions {
  readonly #server: Http2Server;
  readonly #sessions = new Set<Http2Session>();
  /** Streams that began after the closing. */
  #held: StreamParts[] = [];
  #restoreEmit: (() => void) | undefined;

  constructor(server: Http2Server) {
    this.#server = server;
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
  }

  get size(): number {
    return this.#sessions.size;
  }

  close(): void {
    if (this.#restoreEmit) return;
    const server = this.#server;
    const own = Object.getOwnPropertyDescriptor(server, "emit");
    const { emit } = server;
    server.emit = ((event: string, ...parts: unknown[]) => {
      if (event !== "stream") return Reflect.apply(emit, server, [event, ...parts]);
      this.#held.push(parts as StreamParts);
      return true;
    }) as typeof emit;
    this.#restoreEmit = () => {
      if (own) Object.defineProperty(server, "emit", own);
      else delete (server as Partial<Http2Server>).emit;
    };
  }

  open(): void {
    this.unhook();
    this.flush();
  }

  /** The first half of opening: the server is as it was, and what is held is not yet let go. */
  unhook(): void {
    this.#restoreEmit?.();
    this.#restoreEmit = undefined;
  }

  flush(): void {
    for (const parts of this.#held.splice(0)) this.#server.emit("stream", ...(parts as [never]));
  }

  /** Streams whose head the application has not sent. */
  holders(): Holder[] {
    const held = new Set<unknown>(this.#held.map(([stream]) => stream));
    return [...this.#sessions]
      .flatMap(streamsOf)
      .filter((stream) => !held.has(stream) && !stream.closed && !stream.headersSent)
      .map((stream) => ({ kind: "request", name: `HTTP/2 stream ${stream.id}`, ageMs: 0 }));
  }

  /** `serve`: late streams are still for this generation (it has no state that has gone on). */
  end(serve: boolean): void {
    if (serve) this.open();
    for (const [stream] of this.#held.splice(0)) stream.close(REFUSED_STREAM);
    for (const session of this.#sessions) session.close();
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }
}
