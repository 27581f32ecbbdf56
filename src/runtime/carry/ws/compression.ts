/**
 * permessage-deflate of connections that move: without a memory of earlier messages, and with the
 * frames so far of one that has not ended, as they came (frames.ts).
 */
import { override } from "../override.ts";
import type { WebSocketInternals, WebSocketServerInternals } from "./internals.ts";

/** Compression that remembers earlier messages could not be carried. */
export function agreeOnNoContext({ options }: WebSocketServerInternals): void {
  if (!options.perMessageDeflate) return;
  options.perMessageDeflate = {
    ...(options.perMessageDeflate as object),
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
  };
}

/** Compression whose state ends with each message: nothing of it has to travel. */
export function keepsNoContext({ _extensions }: WebSocketInternals): boolean {
  const deflate = _extensions["permessage-deflate"];
  if (deflate === undefined) return true;
  const { params } = deflate;
  return Boolean(params?.server_no_context_takeover && params.client_no_context_takeover);
}

/** In `kept`. Returns what undoes it. */
export function keepCompressed({ _extensions }: WebSocketInternals, kept: Buffer[]): () => void {
  const deflate = _extensions["permessage-deflate"];
  if (deflate === undefined) return () => {};
  const { decompress } = deflate;
  return override(deflate, "decompress", function (this: typeof deflate, data, fin, callback) {
    if (!fin) kept.push(data);
    else if (kept.length > 0) kept.length = 0;
    return decompress.call(this, data, fin, callback);
  });
}
