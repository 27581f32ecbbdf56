/**
 * Responses that may be ended before the application ends them. An `EventSource` connects again by
 * itself and asks for what it has missed; nobody else does. The same bytes are also the answer of
 * an API to a `fetch`, which takes an early end for the end of the answer: so it is the request that
 * tells, not the content type. https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import type { ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { Voice } from "../carry/voice.ts";
import { sentHead } from "../node/http.ts";

const SPREAD_MS = 1_000;

export class EventSources {
  readonly #named: WeakSet<object>;

  /** `named`: those of which the application has said so. */
  constructor(named: WeakSet<object>) {
    this.#named = named;
  }

  has(response: ServerResponse | null | undefined): response is ServerResponse {
    if (response == null || !response.headersSent) return false;
    return this.#named.has(response) || isEventSource(response);
  }

  /** They come back at once: not all at the same instant, then. */
  end(responses: readonly (ServerResponse | null | undefined)[]): void {
    endSpread(responses.filter((one) => this.has(one)));
  }
}

export function endSpread(responses: readonly Pick<Writable, "write" | "end">[]): void {
  for (const response of responses) {
    setTimeout(() => endNow(response), Math.random() * SPREAD_MS).unref();
  }
}

/**
 * To a client that has stopped reading, the application goes on to write until the connection closes.
 * After the end that would be an error, which nobody hears, and the end of the process.
 */
function endNow(response: Pick<Writable, "write" | "end">): void {
  response.end();
  new Voice(response, "write", false).mute();
  new Voice(response, "end", response).mute();
}

export const asksForEvents = (method: string | undefined, accept: string | undefined): boolean =>
  method === "GET" && /\btext\/event-stream\b/i.test(accept ?? "");

export const isOfEvents = (contentType: unknown): boolean =>
  /^text\/event-stream/i.test(String(contentType));

/** By the head that was sent: a type given to `writeHead` is not among `getHeaders()`. */
const isEventSource = (response: ServerResponse): boolean => {
  const { method, headers } = response.req;
  const sent = /^content-type: *(.*)/im.exec(sentHead(response))?.[1];
  return asksForEvents(method, headers.accept) && isOfEvents(sent);
};
