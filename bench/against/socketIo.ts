/** What clients of Socket.IO notice of a new version. */
import { io, type Socket } from "socket.io-client";
import type { Contestant } from "../contestants/contestant.ts";
import { Pm2 } from "../contestants/pm2.ts";
import { Tsugi } from "../contestants/tsugi.ts";
import { type Bench, untilAnswers } from "../lib/bench.ts";
import type { Result } from "../lib/result.ts";

const CLIENTS = 1_000;
const OPENED_AT_ONCE = 50;
const ROOM_SIZE = 10;
const BACK_WITHIN_MS = 60_000;
const CHECK_MS = 10;

export async function socketIo(bench: Bench): Promise<Result[]> {
  const project = await bench.projectWithPackages("chat");
  const tsugi = await Tsugi.make(bench, project, "chat");
  const pm2 = await Pm2.make(bench, project, tsugi.host.node, "chat");
  const own = await noticedOf(tsugi);
  const rival = await noticedOf(pm2);
  const shown = (what: string, format: (noticed: Noticed) => string): Result => ({
    what,
    tsugi: format(own),
    against: format(rival),
    outcome: "",
  });
  const isWhole = own.disconnects === 0 && own.wrong === 0;
  return [
    { ...shown("disconnects", (it) => String(it.disconnects)), aim: "0", reached: isWhole },
    shown("longest quiet, beyond the 250 ms between two events", (it) => ms(it.quietMs)),
    shown("until all are back", (it) => (it.backMs === 0 ? "none has gone" : ms(it.backMs))),
    shown("events missed, or heard twice", (it) => String(it.wrong)),
  ];
}

const ms = (value: number) => `${value.toFixed(0)} ms`;

interface Noticed {
  disconnects: number;
  /** Longest time that a client heard nothing. */
  quietMs: number;
  /** From the first that has gone until nobody is missing. */
  backMs: number;
  wrong: number;
}

async function noticedOf(contestant: Contestant): Promise<Noticed> {
  await contestant.start();
  await untilAnswers(contestant.port);
  const change = await contestant.prepare("1.0.1");
  const crowd = new Crowd(contestant.port);
  await crowd.gather();
  crowd.begin();
  await crowd.everybodyHears(3);
  await change();
  await crowd.everybodyHears(5);
  const noticed = crowd.end();
  await contestant.stop();
  return noticed;
}

class Member {
  readonly socket: Socket;
  heard = 0;
  quietMs = 0;
  wrong = 0;
  #last: number | undefined;
  #heardAtMs = 0;

  constructor(port: number, room: number) {
    const options = { transports: ["websocket"], forceNew: true, query: { room } };
    this.socket = io(`http://127.0.0.1:${port}`, options);
    this.socket.on("news", (number: number) => this.#hears(number));
  }

  /** What was noticed before does not count. */
  begin(): void {
    this.#heardAtMs = performance.now();
    this.quietMs = 0;
    this.wrong = 0;
  }

  #hears(number: number): void {
    const now = performance.now();
    this.quietMs = Math.max(this.quietMs, now - this.#heardAtMs);
    if (this.#last !== undefined && number !== this.#last + 1) this.wrong += 1;
    this.#heardAtMs = now;
    this.#last = number;
    this.heard += 1;
  }
}

class Crowd {
  readonly #port: number;
  readonly #members: Member[] = [];
  #disconnects = 0;
  #goneAtMs: number | undefined;
  #backAtMs = 0;

  constructor(port: number) {
    this.#port = port;
  }

  async gather(): Promise<void> {
    while (this.#members.length < CLIENTS) {
      const some = Array.from({ length: OPENED_AT_ONCE }, (_, at) => {
        const room = Math.floor((this.#members.length + at) / ROOM_SIZE);
        return new Member(this.#port, room);
      });
      await Promise.all(
        some.map(({ socket }) => new Promise((on) => socket.once("connect", () => on(0)))),
      );
      this.#members.push(...some);
    }
  }

  begin(): void {
    for (const member of this.#members) {
      member.begin();
      member.socket.on("disconnect", () => {
        this.#disconnects += 1;
        this.#goneAtMs ??= performance.now();
      });
      member.socket.on("connect", () => {
        if (this.#members.every(({ socket }) => socket.connected))
          this.#backAtMs = performance.now();
      });
    }
  }

  /** So many more. */
  async everybodyHears(more: number): Promise<void> {
    const wanted = new Map(this.#members.map((member) => [member, member.heard + more]));
    const deadline = performance.now() + BACK_WITHIN_MS;
    while (this.#members.some((member) => member.heard < wanted.get(member)!)) {
      if (performance.now() > deadline) throw new Error("not everybody is back");
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
    }
  }

  end(): Noticed {
    for (const { socket } of this.#members) socket.removeAllListeners().disconnect();
    return {
      disconnects: this.#disconnects,
      quietMs: Math.max(...this.#members.map(({ quietMs }) => quietMs)) - 250,
      backMs: this.#goneAtMs === undefined ? 0 : this.#backAtMs - this.#goneAtMs,
      wrong: this.#members.reduce((sum, { wrong }) => sum + wrong, 0),
    };
  }
}
