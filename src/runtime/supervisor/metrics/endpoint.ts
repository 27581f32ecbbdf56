/**
 * Serves the metrics on loopback, at a port or a Unix socket. As much HTTP as a scrape is: Node's own
 * server would be a third of the supervisor's memory.
 */
import { chmodSync, renameSync, rmSync, statSync } from "node:fs";
import net from "node:net";
import { messageOf } from "../../../contract/errors.ts";
import { METRICS_MEDIA_TYPE } from "../../../protocol/metrics.ts";
import type { RuntimeSettings } from "../../../protocol/settings.ts";

type Wanted = RuntimeSettings["metrics"];

/** The predecessor, or somebody else, has the port still. */
const AGAIN_MS = 250;
const REQUEST_MS = 5_000;
const MAX_HEAD_LENGTH = 8 * 1024;
/** What a socket's path may have; the system cuts what is longer, and says nothing. */
const MAX_PATH_BYTES = 100;

export class MetricsEndpoint {
  readonly #text: () => Promise<string>;
  readonly #note: (text: string) => void;
  #wanted = "";
  #places: Place[] = [];

  constructor(text: () => Promise<string>, note: (text: string) => void) {
    this.#text = text;
    this.#note = note;
  }

  /** What is served already goes on. */
  use({ port, socket }: Wanted): void {
    const wanted = JSON.stringify({ port, socket });
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.close();
    const answer = (client: net.Socket) => converse(client, this.#text);
    if (port !== undefined) this.#places.push(new Place({ port }, answer, this.#note));
    if (socket !== undefined) this.#places.push(new Place({ socket }, answer, this.#note));
  }

  close(): void {
    for (const place of this.#places.splice(0)) place.close();
  }
}

/** The path of a socket, and which file it is. */
interface SocketFile {
  path: string;
  ino: number;
}

/** Listens as soon as it can, however long that takes: the service does not depend on it. */
class Place {
  readonly #server: net.Server;
  readonly #at: { port: number } | { socket: string };
  #again: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  #file: SocketFile | undefined;

  constructor(
    at: { port: number } | { socket: string },
    answer: (client: net.Socket) => void,
    note: (text: string) => void,
  ) {
    this.#at = at;
    this.#server = net.createServer(answer);
    this.#server.on("error", ({ message }) => {
      if (message !== this.#problem) note(`metrics: ${message}; tried again until it works`);
      this.#problem = message;
      this.#again = setTimeout(() => this.#listen(), AGAIN_MS);
    });
    this.#listen();
  }

  #listen(): void {
    if ("port" in this.#at) {
      this.#server.listen(this.#at.port, "127.0.0.1");
      return;
    }
    // Put in place by a rename: a predecessor that closes its own would take ours away.
    const { socket } = this.#at;
    const own = `${socket}.${process.pid}`;
    if (Buffer.byteLength(own) > MAX_PATH_BYTES) {
      this.#server.emit("error", new Error(`the path of the socket is too long: ${socket}`));
      return;
    }
    rmSync(own, { force: true });
    this.#server.listen(own, () => {
      chmodSync(own, 0o660);
      this.#file = { path: socket, ino: statSync(own).ino };
      renameSync(own, socket);
    });
  }

  close(): void {
    clearTimeout(this.#again);
    this.#server.close();
    if (this.#file !== undefined) removeOwn(this.#file);
  }
}

/** A successor may have put its own there by now. */
function removeOwn({ path, ino }: SocketFile): void {
  if (statSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
}

/** One request, one answer. */
function converse(client: net.Socket, text: () => Promise<string>): void {
  let head = "";
  client.setTimeout(REQUEST_MS, () => client.destroy());
  client.on("error", () => {});
  client.setEncoding("latin1").on("data", (chunk: string) => {
    const isWhole = head.includes("\r\n\r\n");
    head += chunk;
    if (head.length > MAX_HEAD_LENGTH) client.destroy();
    else if (!isWhole && head.includes("\r\n\r\n")) void answer(client, head, text);
  });
}

async function answer(client: net.Socket, head: string, text: () => Promise<string>) {
  if (!/^GET \/metrics(\?\S*)? HTTP\/1\.[01]\r\n/.test(head)) {
    return client.end(response("404 Not Found", "text/plain", "It is at /metrics\n"));
  }
  const said = await text().then(
    (metrics) => response("200 OK", METRICS_MEDIA_TYPE, metrics),
    (error) => response("503 Service Unavailable", "text/plain", `${messageOf(error)}\n`),
  );
  client.end(said);
}

const response = (status: string, type: string, body: string): string =>
  [
    `HTTP/1.1 ${status}`,
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
