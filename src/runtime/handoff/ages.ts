/**
 * How old a response under way is, to about a second: a look at the busy connections once a second
 * instead of a note on the path of every request.
 */

import type { ServerResponse } from "node:http";
import { responseOf } from "../node/fields.ts";
import { connectionsOf } from "../node/internals.ts";

const LOOK_MS = 1000;

export class Ages {
  readonly #firstSeenMs = new WeakMap<ServerResponse, number>();
  readonly #servers: () => object[];
  #timer: NodeJS.Timeout | undefined;

  constructor(servers: () => object[]) {
    this.#servers = servers;
  }

  /** Worth its while only in an application that can be frozen. */
  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  of(response: ServerResponse): number {
    const seen = this.#firstSeenMs.get(response);
    return seen === undefined ? 0 : Math.round(performance.now() - seen);
  }

  note(response: ServerResponse): void {
    if (!this.#firstSeenMs.has(response)) this.#firstSeenMs.set(response, performance.now());
  }

  #look(): void {
    for (const server of this.#servers()) {
      for (const { socket } of connectionsOf(server)?.all() ?? []) {
        const response = socket && responseOf(socket);
        if (response) this.note(response);
      }
    }
  }
}
