/**
 * A room: an application that sends numbered words to all who are in it, for whatever reason an
 * application may have, and clients that say which of them they missed, heard twice or out of order.
 */
import net from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import WebSocket from "ws";
import { until } from "./installed.ts";

export interface RoomOptions {
  /** What the application imports as `ws`. */
  ws?: string;
  /** Plain TCP, a word a line. */
  tcp?: boolean;
  state?: boolean;
  /** By which way the application finds its clients. */
  find?: "clients" | "map";
  deflate?: boolean;
  accept?: boolean;
  /** Of a POST, before it is said. */
  workMs?: number;
  /** Between two words of the timer. */
  tickMs?: number;
  /** A POST is answered, then said. */
  answersFirst?: boolean;
  /** Words are sent as Blobs, which `ws` reads before it writes them. */
  blob?: boolean;
}

/**
 * `/hold/<name>`: a thread of the pool, which compresses, too, is held by a pipe until somebody opens it.
 *
 * Sources of words: `t` a timer, `m<client>` a client's message, `h` and `w` requests.
 */
export function roomApp({
  ws = "ws",
  tcp = false,
  state = false,
  find = "clients",
  deflate = false,
  accept = false,
  workMs = 30,
  tickMs = 25,
  answersFirst = false,
  blob = false,
}: RoomOptions = {}): string {
  const everyone = find === "map" ? "map.values()" : tcp ? "sockets" : "wss.clients";
  const count = find === "map" ? "map.size" : tcp ? "sockets.size" : "wss.clients.size";
  const plain = `
    const sockets = new Set();
    const room = net.createServer((socket) => {
      sockets.add(socket);
      if (socket.id !== undefined) map.set(socket.id, socket);
      const lines = [];
      socket.setEncoding("utf8");
      let text = "";
      socket.on("error", () => {});
      socket.on("data", (data) => {
        text += data;
        for (let at = text.indexOf("\\n"); at >= 0; at = text.indexOf("\\n")) {
          hear(socket, text.slice(0, at));
          text = text.slice(at + 1);
        }
      });
      socket.on("close", () => { sockets.delete(socket); map.delete(socket.id); });
    });
    hot.sockets(room, { save: ({ id }) => ({ id }), restore: (socket, { id }) => { socket.id = id; } });
    const put = (socket, word) => socket.write(word + "\\n");
    room.listen(Number(process.env.ROOM_PORT ?? 0), "127.0.0.1", () => console.log("room", room.address().port));`;
  const webSockets = `
    const wss = new WebSocketServer({ server, perMessageDeflate: ${deflate ? "{ threshold: 0 }" : "false"} });
    wss.on("connection", (ws) => {
      if (ws.id !== undefined) map.set(ws.id, ws);
      ws.on("message", (data) => hear(ws, String(data)));
      ws.on("close", () => map.delete(ws.id));
    });
    hot.websockets(wss, { save: ({ id }) => ({ id }), restore: (ws, { id }) => { ws.id = id; } });
    const put = (ws, word) => ws.send(${blob ? "blobOf(word)" : "word"});
    /** Reading it takes longer than a response takes to end. */
    const blobOf = (word) => {
      const arrayBuffer = async () => {
        for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
        return Buffer.from(word);
      };
      return Object.assign(new Blob([word]), { arrayBuffer });
    };`;
  return `
    import { open, readFileSync, writeFileSync } from "node:fs";
    import http from "node:http";
    import net from "node:net";
    import { hot } from "tsugi/hot";
    ${tcp ? "" : `import { WebSocketServer } from ${JSON.stringify(ws)};`}
    ${accept ? "hot.accept();" : ""}
    const map = new Map();
    const file = process.env.ROOM_FILE ?? process.env.TSUGI_DATA_DIR + "/room." + (process.env.NODE_APP_INSTANCE ?? 0);
    ${
      state
        ? `const ticks = hot.state("ticks", { initial: () => ({ n: 0 }) });
           const nextTick = () => ticks.value.n++;`
        : `const nextTick = () => {
             let n = 0;
             try { n = Number(readFileSync(file, "utf8")); } catch {}
             writeFileSync(file, String(n + 1));
             return n;
           };`
    }
    const server = http.createServer(async (request, response) => {
      const [path, word] = request.url.slice(1).split("/");
      if (path === "hold") open(file + "." + word, () => {});
      if (path === "say") {
        for await (const _ of request);
        if (word.startsWith("w")) await new Promise((resolve) => setTimeout(resolve, ${workMs}));
        ${answersFirst ? "response.end(); return say(word);" : "say(word);"}
      }
      response.end(JSON.stringify({ clients: ${count}, version: hot.release?.version }));
    });
    const say = (word) => { for (const one of ${everyone}) put(one, word); };
    const hear = (one, text) => {
      if (text.startsWith("id ")) {
        one.id = text.slice(3);
        map.set(one.id, one);
        put(one, "known");
      } else say(text);
    };
    ${tcp ? plain : webSockets}
    let timer;
    hot.activate(() => { clearInterval(timer); timer = setInterval(() => say("t" + nextTick()), ${tickMs}); });
    hot.freeze(() => clearInterval(timer));
    server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => console.log("listening", server.address().port));
  `;
}

interface Wire {
  send(text: string): void;
  pause(): void;
  resume(): void;
  end(): void;
}

class RoomClient {
  readonly id: string;
  readonly opened: Promise<void>;
  isClosed = false;
  #wire!: Wire;
  #known!: () => void;
  /** By source: what came last. */
  readonly last = new Map<string, number>();
  readonly faults: string[] = [];
  /** By source: the first number that counts. */
  heard = 0;

  constructor(id: string, wire: (client: RoomClient) => Wire) {
    this.id = id;
    this.opened = new Promise((resolve) => {
      this.#known = resolve;
    });
    this.#wire = wire(this);
  }

  send(text: string): void {
    this.#wire.send(text);
  }

  get wire(): Wire {
    return this.#wire;
  }

  hears(word: string): void {
    if (word === "known") {
      this.#known();
      return;
    }
    this.heard += 1;
    const [, source, digits] = /^([a-z]+\d*:|t|h|w)(\d+)$/.exec(word)!;
    const number = Number(digits);
    const before = this.last.get(source!);
    this.last.set(source!, number);
    if (before === undefined) {
      // From a timer any number may be the first; all else begins when all are there.
      if (source !== "t" && number !== 0) this.#fault(`${source} began with ${number}`);
    } else if (number !== before + 1) {
      const what = number > before ? `missed ${number - before - 1}` : "again or late";
      this.#fault(`${what}: ${word} after ${source}${before}`);
    }
  }

  #fault(text: string): void {
    this.faults.push(`${this.id}: ${text}`);
  }
}

const overWebSocket =
  (port: number, deflate: boolean) =>
  (client: RoomClient): Wire => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, {
      perMessageDeflate: deflate ? { threshold: 0 } : false,
    });
    socket.on("open", () => socket.send(`id ${client.id}`));
    socket.on("message", (data) => client.hears(String(data)));
    socket.on("error", () => {});
    socket.on("close", () => {
      client.isClosed = true;
    });
    return {
      send: (text) => socket.send(text),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      end: () => socket.terminate(),
    };
  };

const overTcp =
  (port: number) =>
  (client: RoomClient): Wire => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(`id ${client.id}\n`));
    let text = "";
    socket.setEncoding("utf8").on("data", (data) => {
      const words = (text + data).split("\n");
      text = words.pop()!;
      for (const word of words) client.hears(word);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      client.isClosed = true;
    });
    return {
      send: (line) => socket.write(`${line}\n`),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      end: () => socket.destroy(),
    };
  };

export interface CrowdOptions {
  size: number;
  /** Where the room is; where HTTP is. */
  port: number;
  httpPort?: number;
  tcp?: boolean;
  /** Every fourth client offers compression. */
  deflate?: boolean;
  /** A room in each of several workers: nobody hears what is said in another one. */
  apart?: boolean;
}

const UNHEARD = 5;

/** Clients of a room, some of which speak and some of which read slowly, and requests that push. */
export class Crowd {
  readonly clients: RoomClient[] = [];
  readonly #options: CrowdOptions;
  #isOver = false;
  #work: Promise<unknown>[] = [];
  /** By source: how many words were said. */
  readonly said = new Map<string, number>();
  readonly wrongCounts: string[] = [];

  private constructor(options: CrowdOptions) {
    this.#options = options;
  }

  static async gather(options: CrowdOptions): Promise<Crowd> {
    const crowd = new Crowd(options);
    const { size, port, tcp, deflate = false } = options;
    for (let at = 0; at < size; at += 1) {
      const wire = tcp ? overTcp(port) : overWebSocket(port, deflate && at % 4 === 0);
      const client = new RoomClient(`c${at}`, wire);
      crowd.clients.push(client);
      if (at % 50 === 49) await client.opened;
    }
    await Promise.all(crowd.clients.map(({ opened }) => opened));
    return crowd;
  }

  /** From now on there is something to hear. */
  begin(): void {
    const speakers = this.clients.filter((_, at) => at % Math.ceil(this.clients.length / 4) === 0);
    this.#work = [
      ...speakers.map((client, at) => this.#speak(client, `m${at}:`)),
      ...(this.#options.apart ? [] : [this.#push("h"), this.#push("w")]),
      ...this.clients.filter((_, at) => at % 10 === 5).map((client) => this.#readSlowly(client)),
    ];
  }

  async #speak(client: RoomClient, source: string): Promise<void> {
    for (let number = 0; !this.#isOver; number += 1) {
      client.send(`${source}${number}`);
      this.said.set(source, number);
      await pause(30 + Math.random() * 30);
      await this.#isHeard(source, number, client);
    }
  }

  /** All but a few words, by who has them compressed: a busy machine sets the pace, and piles up nothing. */
  async #isHeard(source: string, number: number, speaker?: RoomClient): Promise<void> {
    const { last } = (this.#options.apart && speaker) || this.clients[0]!;
    while (!this.#isOver && (last.get(source) ?? -1) < number - UNHEARD) await pause(5);
  }

  /** One request after the other, each of which is heard by all, and counts them. */
  async #push(source: string): Promise<void> {
    const { httpPort = this.#options.port, size } = this.#options;
    for (let number = 0; !this.#isOver; number += 1) {
      const word = `${source}${number}`;
      const response = await fetch(`http://127.0.0.1:${httpPort}/say/${word}`, { method: "POST" });
      const { clients, version } = (await response.json()) as { clients: number; version: string };
      if (clients !== size) this.wrongCounts.push(`${word}: ${clients} of ${size} (${version})`);
      this.said.set(source, number);
      await pause(5 + Math.random() * 10);
      await this.#isHeard(source, number);
    }
  }

  async #readSlowly({ wire }: RoomClient): Promise<void> {
    while (!this.#isOver) {
      wire.pause();
      await pause(100 + Math.random() * 200);
      wire.resume();
      await pause(50);
    }
  }

  /** All that was said was heard; resolves with what is wrong. */
  async end(): Promise<{ faults: string[]; closed: number; wrongCounts: string[]; heard: number }> {
    this.#isOver = true;
    await Promise.all(this.#work);
    const unheard = (client: RoomClient) =>
      [...this.said].filter(([source, number]) => {
        const last = client.last.get(source) ?? -1;
        return last < number && !(last < 0 && this.#options.apart);
      });
    const behind = (client: RoomClient) =>
      unheard(client).reduce(
        (sum, [source, said]) => sum + said - (client.last.get(source) ?? -1),
        0,
      );
    const allBehind = () => this.clients.reduce((sum, client) => sum + behind(client), 0);
    let [before, deadline] = [Number.POSITIVE_INFINITY, 0];
    for (let now = allBehind(); now > 0; now = allBehind()) {
      if (now < before) deadline = performance.now() + 3_000;
      if (performance.now() > deadline) break;
      before = now;
      await pause(20);
    }
    const faults = this.clients.flatMap((client) => {
      const lacking = unheard(client).map(
        ([source, number]) =>
          `${client.id}: ${source} ended at ${client.last.get(source)} of ${number}`,
      );
      return [...client.faults, ...lacking];
    });
    const closed = this.clients.filter(({ isClosed }) => isClosed).length;
    const heard = this.clients.reduce((sum, client) => sum + client.heard, 0);
    return { faults, closed, wrongCounts: this.wrongCounts, heard };
  }

  /** One who has nothing compressed hears two more words of that source. */
  async oneHears(source: string): Promise<void> {
    const { last } = this.clients[1]!;
    const before = last.get(source) ?? 0;
    await until(`${source} is heard`, () => (last.get(source) ?? 0) >= before + 2, 60_000);
  }

  leave(): void {
    this.#isOver = true;
    for (const { wire } of this.clients) wire.end();
  }
}

/** Everybody hears something more. */
export async function someTalk(crowd: Crowd): Promise<void> {
  const source = crowd.said.has("w") ? "w" : "m0:";
  const before = Math.max(0, crowd.said.get(source) ?? 0);
  const deadline = performance.now() + 60_000;
  while ((crowd.said.get(source) ?? 0) < before + 3) {
    if (performance.now() > deadline) throw new Error("nobody is heard any more");
    await pause(5);
  }
}
