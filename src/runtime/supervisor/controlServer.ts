/**
 * The control socket: `run/control.<pid>.sock`, mode 0600 in a folder that only the owner may enter,
 * so that nobody but the owner and root gets this far. One request a connection.
 */

import { chmodSync, rmSync } from "node:fs";
import net from "node:net";
import { defined, orUndefined } from "../../contract/checks.ts";
import { errorToJson, TsugiError } from "../../contract/errors.ts";
import type { ControlEvent, ControlRequest } from "../../protocol/control.ts";
import { checkControlRequest } from "../../protocol/controlRequest.ts";
import { encodeLine, LineDecoder } from "../../protocol/lines.ts";
import { ownSocketName } from "./runFiles.ts";

/** One client. It may go away at any time; what it asked for goes on. */
export interface ControlClient {
  send(event: ControlEvent): void;
  /** Later lines of the same client: a console's input. */
  onRequest(listener: (request: ControlRequest) => void): void;
  onClose(listener: () => void): void;
}

/** Answers one request with a value, or throws. Events go out by `client.send` meanwhile. */
export type ControlHandler = (request: ControlRequest, client: ControlClient) => Promise<unknown>;

/** Takes out of errors and lines what nobody is to read. */
export type Conceal = (event: ControlEvent) => ControlEvent;

const REQUEST_MS = 10_000;

export class ControlServer {
  readonly #server: net.Server;
  readonly #handle: ControlHandler;
  readonly #conceal: Conceal;
  readonly #requestMs: number;
  readonly #sockets = new Set<net.Socket>();

  /** `requestMs`: who has not asked for anything by then is let go. */
  constructor(handle: ControlHandler, conceal: Conceal = (said) => said, requestMs = REQUEST_MS) {
    this.#handle = handle;
    this.#conceal = conceal;
    this.#requestMs = requestMs;
    this.#server = net.createServer((socket) => this.#accept(socket));
  }

  async listen(): Promise<void> {
    const name = ownSocketName();
    rmSync(name, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(name, resolve);
    });
    chmodSync(name, 0o600);
  }

  /** Stops accepting where it was found so far; who is connected stays. */
  leave(): void {
    this.#server.close();
  }

  /** Stops accepting, lets answers under way go out. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, 1_000);
    await closed;
    clearTimeout(timer);
  }

  #accept(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.setEncoding("utf8");
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    const send = (event: ControlEvent) => {
      // What was asked for is answered as it is: `rpc` may be asked for a variable.
      const said = event.event === "done" ? event : this.#conceal(event);
      if (socket.writable) socket.write(encodeLine(said));
    };
    let later: ((request: ControlRequest) => void) | undefined;
    let begun = false;
    const client: ControlClient = {
      send,
      onRequest: (listener) => {
        later = listener;
      },
      onClose: (listener) => socket.once("close", listener),
    };
    const waiting = setTimeout(() => {
      send({ event: "error", error: usageError("No whole request came in time") });
      socket.destroySoon();
    }, this.#requestMs);
    socket.once("close", () => clearTimeout(waiting));
    const decoder = new LineDecoder(
      (value) => {
        if (begun) heed(later, value);
        else {
          begun = true;
          clearTimeout(waiting);
          void this.#answer(value, client, socket);
        }
      },
      (problem) => {
        send({ event: "error", error: usageError(`The control message is damaged: ${problem}`) });
        socket.end();
      },
    );
    socket.on("data", (chunk: string) => decoder.push(chunk));
  }

  async #answer(value: unknown, client: ControlClient, socket: net.Socket): Promise<void> {
    try {
      const result = await this.#handle(checkControlRequest(value), client);
      client.send({ event: "done", value: result });
    } catch (error) {
      const attached = (error as { report?: unknown }).report;
      client.send({
        event: "error",
        error: errorToJson(error),
        ...defined({ value: attached }),
      });
    }
    socket.end();
  }
}

/** Of what follows the first request, a console's input, what is damaged is let go. */
function heed(listener: ((request: ControlRequest) => void) | undefined, value: unknown): void {
  const request = orUndefined(() => checkControlRequest(value));
  if (request !== undefined) listener?.(request);
}

const usageError = (problem: string) =>
  errorToJson(new TsugiError("TSUGI_USAGE", { problem, help: "bin/<app> help" }));
