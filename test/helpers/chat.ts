/**
 * A chat of the shape of socket.io's own example: rooms, acknowledgements, attachments, two namespaces,
 * and clients that check that they hear everything once and in order, whoever said it.
 */
import { setTimeout as pause } from "node:timers/promises";
import { io, type Socket } from "socket.io-client";

/** Installed under these names (package.json), so that several versions stand side by side. */
export const SOCKET_IO_PACKAGES = ["socket.io-4.6", "socket.io-4.7", "socket.io"];

/** A name of those, or a path. */
export const socketIoModule = (name = process.env.TSUGI_TEST_SOCKET_IO ?? "socket.io"): string =>
  import.meta.resolve(name);

export interface ChatOptions {
  /** A module of socket.io. */
  socketIo?: string;
  /** Keeps a `hot.state`, so that it is frozen before it is left. */
  state?: boolean;
  accept?: boolean;
  /** Further options of the `Server`. */
  options?: string;
  more?: string;
  /** Right after the `Server` is made. */
  before?: string;
  /** Further options of `hot.socketIo`. */
  carry?: string;
  register?: boolean;
  /** In `restore`. */
  restore?: string;
}

export const chatApp = ({
  socketIo = socketIoModule(),
  state = false,
  accept = false,
  options = "",
  more = "",
  before = "",
  carry = "",
  register = true,
  restore = "",
}: ChatOptions = {}): string => `
  import { readFileSync, writeFileSync } from "node:fs";
  import http from "node:http";
  import { Server } from ${JSON.stringify(socketIo)};
  import { hot } from "tsugi/hot";
  ${accept ? "hot.accept();" : ""}
  const { generation } = hot.release;
  const file = process.env.ROOM_FILE;
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
  const server = http.createServer((request, response) => {
    const [path, number] = request.url.slice(1).split("/");
    if (path === "news") io.emit("word", "news", Number(number));
    response.end(JSON.stringify({ clients: io.of("/").sockets.size, rooms: io.of("/").adapter.rooms.size }));
  });
  const io = new Server(server, { ${options} });
  ${before}
  ${register ? "" : "if (false)"} hot.socketIo(io, {
    ${carry}
    save: ({ userName }) => ({ userName }),
    restore: (socket, { userName }) => { ${restore}; socket.userName = userName; },
  });
  io.use((socket, next) => {
    socket.data.checked = (socket.data.checked ?? 0) + 1;
    setTimeout(next, 1);
  });
  io.on("connection", (socket) => {
    if (!hot.carried(socket)) {
      const { name, room } = socket.handshake.auth;
      socket.userName = name;
      socket.data.begun = generation;
      socket.join(room);
      socket.emit("welcome", name);
    }
    socket.on("say", (number) => {
      const { room } = socket.handshake.auth;
      io.to(room).emit("word", "said by " + socket.userName, number);
    });
    socket.on("ask", (number, answer) => answer(number + 1, generation));
    socket.on("ask slowly", async (number, answer) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      answer(number + 1, generation);
    });
    socket.on("show", (number, picture, answer) => {
      socket.emit("picture", number, picture);
      answer(picture);
    });
    socket.on("who", (answer) => answer({
      id: socket.id, userName: socket.userName, rooms: [...socket.rooms], data: socket.data,
      carried: hot.carried(socket), recovered: socket.recovered, generation,
      handshake: socket.handshake, url: socket.request.url, pid: socket.pid ?? null,
      sockets: io.engine.clientsCount, transport: socket.conn.transport.name, protocol: socket.conn.protocol,
    }));
    socket.on("disconnect", (reason) => console.log("left", generation, socket.userName, reason));
  });
  io.of("/other").on("connection", (socket) => {
    socket.on("ask", (number, answer) => answer(number + 1, generation));
  });
  io.of(/^\\/dynamic-\\d+$/).on("connection", (socket) => {
    socket.on("ask", (number, answer) => answer(socket.nsp.name, generation));
  });
  globalThis.io = io;
  ${more}
  let timer;
  hot.activate(() => {
    clearInterval(timer);
    timer = setInterval(() => io.emit("word", "tick", nextTick()), 25);
  });
  hot.freeze(() => clearInterval(timer));
  server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));
`;

export const WAYS = {
  websocket: ["websocket"],
  upgraded: ["polling", "websocket"],
  polling: ["polling"],
} as const;
export type Way = keyof typeof WAYS;

export class ChatClient {
  readonly name: string;
  readonly socket: Socket;
  readonly faults: string[] = [];
  /** By who said it: the last number. */
  readonly last = new Map<string, number>();
  /** Of what comes to an end: ticks go on. */
  heard = 0;
  #id: string | undefined;
  #pictures = 0;

  constructor(port: number, name: string, room: string, way: Way) {
    this.name = name;
    this.socket = io(`http://127.0.0.1:${port}`, {
      auth: { name, room },
      query: { via: "chat" },
      transports: [...WAYS[way]],
      forceNew: true,
      timeout: 60_000,
    });
    this.socket.on("connect", () => {
      if (this.#id !== undefined) this.#fault(`connected again as ${this.socket.id}`);
      this.#id = this.socket.id;
    });
    this.socket.on("connect_error", ({ message }) => this.#fault(`connect_error: ${message}`));
    this.socket.on("disconnect", (reason, details) => {
      if (reason !== "io client disconnect") this.#fault(`${reason} ${JSON.stringify(details)}`);
    });
    let welcomes = 0;
    this.socket.on("welcome", () => {
      welcomes += 1;
      if (welcomes > 1) this.#fault("was welcomed again");
    });
    this.socket.on("word", (source: string, number: number) => this.#hears(source, number));
    this.socket.on("picture", (number: number) => {
      if (number !== this.#pictures) this.#fault(`picture ${number} for ${this.#pictures}`);
      this.#pictures = number + 1;
    });
  }

  get opened(): Promise<unknown> {
    if (this.socket.connected) return Promise.resolve();
    return new Promise((resolve) => this.socket.once("connect", () => resolve(undefined)));
  }

  /** Rejects if nobody acknowledges it. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the application answers
  ask(event: string, ...parts: unknown[]): Promise<any> {
    return this.socket.timeout(30_000).emitWithAck(event, ...parts);
  }

  #hears(source: string, number: number): void {
    if (source !== "tick") this.heard += 1;
    const before = this.last.get(source);
    this.last.set(source, number);
    // Of a tick any number may be the first; all else begins when all are there.
    if (before === undefined ? source !== "tick" && number !== 0 : number !== before + 1) {
      this.#fault(`${source} ${number} after ${before}`);
    }
  }

  async asksOn(isOver: () => boolean): Promise<void> {
    for (let number = 0; !isOver(); number += 1) {
      const event = number % 5 === 4 ? "ask slowly" : "ask";
      try {
        const answer = await this.ask(event, number);
        if (answer !== number + 1) this.#fault(`${event} ${number}: ${answer}`);
        if (number % 10 === 9) await this.#shows((number - 9) / 10);
      } catch (error) {
        this.#fault(`${event} ${number}: ${error}`);
      }
      await pause(20 + Math.random() * 40);
    }
  }

  async #shows(number: number): Promise<void> {
    const picture = Buffer.alloc(2_000, number);
    const answer = await this.ask("show", number, picture);
    if (!picture.equals(Buffer.from(answer))) this.#fault(`picture ${number} is another one`);
  }

  #fault(text: string): void {
    this.faults.push(`${this.name}: ${text}`);
  }
}

/** Clients in rooms of ten, by all ways, some of which speak. */
export class ChatCrowd {
  readonly clients: ChatClient[] = [];
  readonly #port: number;
  #isOver = false;
  #work: Promise<unknown>[] = [];
  /** By who said it: the last number, and who hears it. */
  readonly said = new Map<string, { number: number; room: string }>();
  readonly #rooms = new Map<ChatClient, string>();

  private constructor(port: number) {
    this.#port = port;
  }

  static async gather(port: number, size: number, ways: readonly Way[]): Promise<ChatCrowd> {
    const crowd = new ChatCrowd(port);
    for (let at = 0; at < size; at += 1) {
      const room = `room ${Math.floor(at / 10)}`;
      const client = new ChatClient(port, `c${at}`, room, ways[at % ways.length]!);
      crowd.clients.push(client);
      crowd.#rooms.set(client, room);
      if (at % 25 === 24) await client.opened;
    }
    await Promise.all(crowd.clients.map(({ opened }) => opened));
    // It has joined its room when the application has welcomed it.
    await Promise.all(crowd.clients.map((client) => client.ask("ask", 0)));
    return crowd;
  }

  begin(): void {
    const isOver = () => this.#isOver;
    this.#work = [
      ...this.clients.filter((_, at) => at % 5 === 0).map((client) => this.#speak(client)),
      ...this.clients.filter((_, at) => at % 4 === 1).map((client) => client.asksOn(isOver)),
      this.#push(),
    ];
  }

  async #speak(client: ChatClient): Promise<void> {
    const room = this.#rooms.get(client)!;
    for (let number = 0; !this.#isOver; number += 1) {
      client.socket.emit("say", number);
      this.said.set(`said by ${client.name}`, { number, room });
      await pause(30 + Math.random() * 40);
    }
  }

  async #push(): Promise<void> {
    const { faults } = this.clients[0]!;
    for (let number = 0; !this.#isOver; number += 1) {
      try {
        const response = await fetch(`http://127.0.0.1:${this.#port}/news/${number}`);
        const { clients } = (await response.json()) as { clients: number };
        const { length } = this.clients;
        if (clients !== length) faults.push(`news ${number}: ${clients} of ${length}`);
      } catch (error) {
        faults.push(`news ${number}: ${error}`);
      }
      this.said.set("news", { number, room: "" });
      await pause(5 + Math.random() * 20);
    }
  }

  /** Everybody hears something more. */
  async talk(): Promise<void> {
    const count = () => this.said.get("news")?.number ?? -1;
    const before = count();
    const deadline = performance.now() + 20_000;
    while (count() < before + 3) {
      if (performance.now() > deadline) throw new Error("nobody is heard any more");
      await pause(5);
    }
  }

  /** All that was said was heard; resolves with what is wrong. */
  async end(): Promise<string[]> {
    this.#isOver = true;
    await Promise.all(this.#work);
    const lacking = () => this.clients.flatMap((client) => this.#unheard(client));
    const heard = () => this.clients.reduce((sum, client) => sum + client.heard, 0);
    for (let [last, quietSince] = [0, performance.now()]; lacking().length > 0; await pause(20)) {
      if (heard() > last) [last, quietSince] = [heard(), performance.now()];
      if (performance.now() - quietSince > 5_000) break;
    }
    return [...this.clients.flatMap(({ faults }) => faults), ...lacking()];
  }

  #unheard(client: ChatClient): string[] {
    return [...this.said].flatMap(([source, { number, room }]) => {
      const last = client.last.get(source) ?? -1;
      const isFor = room === "" || room === this.#rooms.get(client);
      return isFor && last < number ? [`${client.name}: ${source} ${last} of ${number}`] : [];
    });
  }

  leave(): void {
    this.#isOver = true;
    for (const { socket } of this.clients) socket.disconnect();
  }
}
