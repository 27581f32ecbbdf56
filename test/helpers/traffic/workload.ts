import { setMaxListeners } from "node:events";
import type { HttpRequest, HttpResponse } from "./http1.ts";

export interface Target {
  host: string;
  port: number;
}

/** What the clients ask for, and how they know a right answer. One for all kinds of client. */
export interface Workload {
  request(id: string): HttpRequest;
  /** Throws at a wrong answer; returns the version that gave it. */
  check(id: string, response: HttpResponse): string;
}

/** A running group of clients. */
export interface Clients {
  /** Lets what is under way end, then closes. */
  stop(): Promise<void>;
}

/** `GET path` of an app that returns `x-request-id` and says its version in `x-version`. */
export function plainWorkload(path: string): Workload {
  return {
    request: (id) => ({ method: "GET", path, headers: { "x-request-id": id } }),
    check: (id, response) => {
      if (response.status !== 200) throw new Error(`status ${response.status}`);
      if (response.headers["x-request-id"] !== id) throw new Error("another request's answer");
      return response.headers["x-version"] ?? "?";
    },
  };
}

/** A pause that a stop cuts short. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

/** Starts `count` loops and a way to end them all. */
export function runClients(
  count: number,
  client: (number: number, signal: AbortSignal) => Promise<void>,
): Clients {
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  const running = Promise.all(
    Array.from({ length: count }, (_, number) => client(number, stopping.signal)),
  );
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
