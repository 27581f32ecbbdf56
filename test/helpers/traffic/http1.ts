/**
 * HTTP/1.1 from the client's side on a raw socket. Node's own client would hide what the traffic
 * tests are about: it retries, reconnects and drops late bytes silently. Here a connection is one
 * socket; every byte belongs to an answer that was asked for, or is reported.
 */
import { connect, type Socket } from "node:net";
import { TrafficError } from "./tally.ts";
import type { Target } from "./workload.ts";

export interface HttpRequest {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface HttpResponse {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: Buffer;
}

function encodeRequest(request: HttpRequest, target: Target): string {
  const { method, path, headers = {}, body } = request;
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${target.host}:${target.port}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== undefined) {
    lines.push("content-type: application/json", `content-length: ${Buffer.byteLength(body)}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

interface Waiter {
  resolve: (response: HttpResponse) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

const ANSWER_TIMEOUT_MS = 15_000;

export class HttpConnection {
  readonly #socket: Socket;
  readonly #target: Target;
  readonly #waiters: Waiter[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #open = true;
  /** Called with bytes that no request asked for. */
  onUnasked: (text: string) => void = () => {};

  private constructor(socket: Socket, target: Target) {
    this.#socket = socket;
    this.#target = target;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => this.#closed(error.message));
    socket.on("end", () => this.#closed("closed by the server"));
    socket.on("close", () => this.#closed("closed"));
  }

  /** Rejects with failure "refused", whatever the reason. */
  static open(target: Target): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(target.port, target.host);
      const refuse = (error: Error) => reject(new TrafficError("refused", error.message));
      socket.once("error", refuse);
      socket.once("connect", () => {
        socket.off("error", refuse);
        resolve(new HttpConnection(socket, target));
      });
    });
  }

  /** False as soon as the server has closed its side. */
  get open(): boolean {
    return this.#open;
  }

  /** Raw bytes of a request, or of a part of one. */
  write(bytes: string): void {
    this.#socket.write(bytes);
  }

  /** The next answer on this connection; call it once for each request, in order. */
  answer(timeoutMs = ANSWER_TIMEOUT_MS): Promise<HttpResponse> {
    if (!this.#open) return Promise.reject(new TrafficError("reset", "closed before the request"));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#closed(`no answer within ${timeoutMs} ms`, "unanswered");
        this.#socket.destroy();
      }, timeoutMs);
      this.#waiters.push({ resolve, reject, timer });
    });
  }

  exchange(request: HttpRequest, timeoutMs?: number): Promise<HttpResponse> {
    const answer = this.answer(timeoutMs);
    if (this.#open) this.write(this.encode(request));
    return answer;
  }

  encode(request: HttpRequest): string {
    return encodeRequest(request, this.#target);
  }

  /** Resolves when the socket is gone. */
  close(): Promise<void> {
    this.#open = false;
    if (this.#socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.end();
      this.#socket.resume();
      setTimeout(() => this.#socket.destroy(), 1_000).unref();
    });
  }

  destroy(): void {
    this.#open = false;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length > 0) {
      const waiter = this.#waiters[0];
      if (waiter === undefined) {
        this.onUnasked(this.#bytes.toString("latin1", 0, 200));
        this.#bytes = Buffer.alloc(0);
        return;
      }
      const parsed = parseResponse(this.#bytes);
      if (parsed === undefined) return;
      this.#bytes = this.#bytes.subarray(parsed.length);
      this.#waiters.shift();
      clearTimeout(waiter.timer);
      if (parsed.response.headers.connection?.toLowerCase() === "close") this.#open = false;
      waiter.resolve(parsed.response);
    }
  }

  #closed(why: string, failure: "reset" | "unanswered" = "reset"): void {
    this.#open = false;
    for (const waiter of this.#waiters.splice(0)) {
      clearTimeout(waiter.timer);
      waiter.reject(new TrafficError(failure, `${why} with a request under way`));
    }
    this.#socket.end();
  }
}

/** Undefined while it is not all there. */
function parseResponse(bytes: Buffer): { response: HttpResponse; length: number } | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const status = Number(statusLine.split(" ")[1]);
  const bodyStart = headEnd + 4;
  const body = headers["transfer-encoding"]?.includes("chunked")
    ? parseChunks(bytes, bodyStart)
    : sized(bytes, bodyStart, Number(headers["content-length"] ?? 0));
  return body && { response: { status, headers, body: body.bytes }, length: body.end };
}

function sized(bytes: Buffer, start: number, length: number) {
  const end = start + length;
  return bytes.length < end ? undefined : { bytes: Buffer.from(bytes.subarray(start, end)), end };
}

function parseChunks(bytes: Buffer, start: number) {
  const chunks: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return undefined;
    if (size === 0) return { bytes: Buffer.concat(chunks), end };
    chunks.push(bytes.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}
