/**
 * Turns a request that Node has parsed, and that the application has not seen, back into the
 * bytes it came as, so that another process can parse it again.
 */
import type { IncomingMessage } from "node:http";

/** Head, and as much of the body as has been read. */
export function requestBytes(request: IncomingMessage, wasContinued = false): Buffer {
  const head = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  const { rawHeaders } = request;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    // The client was told to go on: it is not to hear it twice.
    if (wasContinued && rawHeaders[at]!.toLowerCase() === "expect") continue;
    head.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  }
  const parts: Buffer[] = [Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1")];
  const body = readAll(request);
  if (isChunked(request)) parts.push(...asChunk(body), lastChunk(request));
  else parts.push(body);
  return Buffer.concat(parts);
}

export const isChunked = (request: IncomingMessage): boolean =>
  /chunked\s*$/i.test(request.headers["transfer-encoding"] ?? "");

/** Everything that a stream has buffered. */
export function readAll(stream: { read(): unknown }): Buffer {
  const chunks: Buffer[] = [];
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

const asChunk = (body: Buffer): Buffer[] =>
  body.length === 0
    ? []
    : [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")];

function lastChunk({ rawTrailers }: IncomingMessage): Buffer {
  const lines = ["0"];
  for (let at = 0; at < rawTrailers.length; at += 2) {
    lines.push(`${rawTrailers[at]}: ${rawTrailers[at + 1]}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}
