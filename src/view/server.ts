/**
 * `tsugi view --live`: the page on this machine's loopback, for whoever has the token, kept as it is.
 *
 *   GET /?token=…       the page
 *   GET /main?token=…   an event stream: <main> anew, each time that something has changed
 *
 * Hosts are asked only while somebody looks.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ViewFacts } from "./facts.ts";
import { main, type PageParts, page } from "./page.ts";

export interface LiveOptions {
  read: () => Promise<ViewFacts>;
  parts: PageParts;
  everyMs: number;
  signal: AbortSignal;
}

/** Resolves with the address, which has the token in it. */
export async function serveLive({ read, parts, everyMs, signal }: LiveOptions): Promise<string> {
  const token = randomBytes(16).toString("hex");
  const watchers = new Watchers(read, everyMs);
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (!isSame(url.searchParams.get("token") ?? "", token)) return refuse(response, 403);
    if (url.pathname === "/main") return watchers.add(response);
    if (url.pathname !== "/") return refuse(response, 404);
    const html = await read().then((facts) => page(facts, parts));
    response.writeHead(200, { ...HEADERS, "content-type": "text/html; charset=utf-8" }).end(html);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  signal.addEventListener("abort", () => {
    watchers.stop();
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/?token=${token}`;
}

/** The token is in the address: nobody is told where the reader came from. */
const HEADERS = { "cache-control": "no-store", "referrer-policy": "no-referrer" };

const isSame = (given: string, token: string): boolean =>
  given.length === token.length && timingSafeEqual(Buffer.from(given), Buffer.from(token));

const refuse = (response: ServerResponse, status: number) => {
  response.writeHead(status, HEADERS).end();
};

class Watchers {
  readonly #read: () => Promise<ViewFacts>;
  readonly #everyMs: number;
  readonly #all = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;
  #last = "";

  constructor(read: () => Promise<ViewFacts>, everyMs: number) {
    this.#read = read;
    this.#everyMs = everyMs;
  }

  add(response: ServerResponse): void {
    response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream" });
    response.write(":\n\n");
    this.#all.add(response);
    response.on("close", () => this.#all.delete(response));
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#all.clear();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(async () => {
      const html = await this.#read().then(main, () => this.#last);
      const isNew = withoutTime(html) !== withoutTime(this.#last);
      this.#last = html;
      if (isNew) for (const one of this.#all) one.write(`data: ${JSON.stringify(html)}\n\n`);
      this.#timer = undefined;
      if (this.#all.size > 0) this.#schedule();
    }, this.#everyMs);
  }
}

/** That it was read again is nothing new. */
const withoutTime = (html: string) => html.replace(/<p class="taken">.*?<\/p>/, "");
