/**
 * Clients that an upgrade meets in the middle of something: readers of streams, which must be given all
 * that they were promised, and WebSockets, which may be closed in order and must find their way back.
 */
import WebSocket from "ws";
import type { WorldProject } from "./project.ts";

const CLIENTS = 3;
const SAY_EVERY_MS = 50;
const REOPEN_MS = 50;

export class LongClients {
  readonly problems: string[] = [];
  readonly #tasks: Promise<void>[] = [];
  readonly #port: number;
  #isOver = false;
  #whole = 0;
  #answered = 0;
  #back = 0;

  constructor({ stream, webSocket }: WorldProject, port: number) {
    this.#port = port;
    for (let at = 0; at < CLIENTS; at++) {
      if (stream !== undefined) this.#tasks.push(this.#read(stream));
      if (webSocket !== undefined) this.#tasks.push(this.#talk(webSocket));
    }
  }

  /** What they have seen; empty where there are none. */
  get seen(): string {
    const streams = this.#whole > 0 ? `, ${this.#whole} streams whole` : "";
    const sockets = `, ${this.#answered} WebSocket messages answered, ${this.#back} connected again`;
    return `${streams}${this.#answered > 0 ? sockets : ""}`;
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#tasks);
  }

  async #read(path: string): Promise<void> {
    while (!this.#isOver) {
      try {
        const response = await fetch(`http://127.0.0.1:${this.#port}${path}`, { method: "POST" });
        const text = await response.text();
        if (text.trimEnd().endsWith("whole")) this.#whole += 1;
        else this.problems.push(`a stream ended with ${JSON.stringify(text.slice(-40))}`);
      } catch (error) {
        this.problems.push(`a stream: ${(error as Error).message}`);
      }
    }
  }

  async #talk(path: string): Promise<void> {
    for (let isFirst = true; !this.#isOver; isFirst = false) {
      const socket = new WebSocket(`ws://127.0.0.1:${this.#port}${path}`);
      const closed = new Promise<number>((resolve) => socket.once("close", resolve));
      socket.on("error", (error) => this.problems.push(`a WebSocket: ${error.message}`));
      socket.once("open", () => {
        if (!isFirst) this.#back += 1;
      });
      socket.on("message", () => {
        this.#answered += 1;
      });
      const saying = setInterval(() => {
        if (this.#isOver) socket.close(1000);
        else if (socket.readyState === WebSocket.OPEN) socket.send("word");
      }, SAY_EVERY_MS);
      const code = await closed;
      clearInterval(saying);
      if (code !== 1000 && code !== 1012) this.problems.push(`a WebSocket was closed with ${code}`);
      if (!this.#isOver) await new Promise((resolve) => setTimeout(resolve, REOPEN_MS));
    }
  }
}
