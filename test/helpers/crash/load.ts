/** Clients that increment without a pause and keep account of every answer. */
import { once } from "node:events";
import { Agent, request } from "node:http";
import net from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

export interface Count {
  sum: number;
  life: string;
  version: string;
  /** Where the same is done over plain TCP, a line for each. */
  bell?: number;
}

const CLIENTS = 3;
const RINGERS = 2;
const PAUSE_MS = 10;
const AFTER_FAILURE_MS = 20;
const ANSWER_MS = 15_000;

export class Load {
  readonly #port: number;
  readonly #agents = Array.from({ length: CLIENTS }, () => {
    return new Agent({ keepAlive: true, maxSockets: 1 });
  });
  readonly #running: Promise<unknown>;
  #stopped = false;
  /** In the order in which they came. */
  readonly acknowledged: (Count & { at: string })[] = [];
  readonly failures: string[] = [];

  constructor(port: number) {
    this.#port = port;
    const clients = this.#agents.map((agent) => () => this.#ask(agent));
    const ringers = Array.from({ length: RINGERS }, () => () => this.#ring());
    this.#running = Promise.all([...clients, ...ringers].map((work) => this.#repeat(work)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    for (const agent of this.#agents) agent.destroy();
  }

  /** The highest sum of that life of the state in the first so many answers, until that time. */
  highest(life: string, answers: number, until = "9"): number {
    const first = this.acknowledged.slice(0, answers);
    const told = first.filter((one) => one.life === life && one.at <= until);
    return Math.max(0, ...told.map(({ sum }) => sum));
  }

  async #ask(agent: Agent): Promise<void> {
    this.#note(await ask(this.#port, "POST", agent));
    await delay(PAUSE_MS);
  }

  /** A connection of a registered server, for as long as it lasts. */
  async #ring(): Promise<void> {
    const { bell } = await ask(this.#port);
    if (bell === undefined) return; // not hung yet
    const socket = net.connect(bell, "127.0.0.1").on("error", () => {});
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error("the bell is not heard")));
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    try {
      await once(socket, "connect");
      while (!this.#stopped) {
        socket.write("\n");
        const { value, done } = await lines.next();
        if (done) throw new Error("the bell has fallen");
        this.#note(JSON.parse(value) as Count);
        await delay(PAUSE_MS);
      }
    } finally {
      socket.destroy();
    }
  }

  #note(count: Count): void {
    this.acknowledged.push({ ...count, at: new Date().toISOString() });
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        await work();
      } catch (error) {
        this.failures.push(`${new Date().toISOString()} ${(error as Error).message}`);
        await delay(AFTER_FAILURE_MS);
      }
    }
  }
}

export function ask(port: number, method = "GET", agent?: Agent): Promise<Count> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, timeout: ANSWER_MS };
    const asked = request({ ...options, ...(agent ? { agent } : {}) }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as Count);
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    asked.on("timeout", () => asked.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    asked.on("error", reject);
    asked.end();
  });
}
