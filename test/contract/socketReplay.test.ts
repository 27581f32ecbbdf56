/** `replay: { keep }` of `hot.sockets`: a protocol whose first bytes say who speaks. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import WebSocket, { createWebSocketStream } from "ws";
import { until } from "../helpers/installed.ts";
import { frameworks, installFrameworks, linkFrameworks } from "../helpers/projects.ts";
import { Swapping } from "../helpers/swap.ts";
import { guideCode } from "../helpers/webSocketLibraries.ts";
import { Bench, handBack, handOff, portOf } from "../helpers/workerHarness.ts";

const standby = { boot: { mode: "standby", generation: 2 } } as const;

/** As a package would: its own parser, that nobody else sees, on a stream that is read by 'readable'. */
const BY_PACKAGE = `
  socket.on("readable", () => {
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) hear(chunk);
  });`;
const BY_PROMISE = `socket.on("data", (chunk) => hear(chunk));`;
const BY_NOBODYS_PROMISE = `socket.on("data", (chunk) => { hear(chunk); });`;

/** Lines: \`auth <user>\` is answered with \`hello <user>\`, some time later; what else comes needs a user. */
const app = (listen: string, keep: string, more = "") => `
  import net from "node:net";
  import { hot } from "tsugi/hot";
  ${more}
  const { generation } = hot.release;
  const server = net.createServer((socket) => {
    let [user, rest] = ["nobody", ""];
    const say = async (line) => {
      const [verb, name] = line.split(" ");
      if (verb === "auth") {
        await new Promise((resolve) => setTimeout(resolve, 20));
        user = name;
        socket.write("hello " + user + "\\n");
      } else socket.write([generation, user, line].join(" ") + "\\n");
    };
    const hear = async (chunk) => {
      rest += chunk;
      const lines = rest.split("\\n");
      rest = lines.pop();
      for (const line of lines) await say(line);
    };
    ${listen}
  });
  hot.sockets(server, { replay: { keep: ${keep} } });
  server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;

const WHOLE = `(data) => /^auth/.test(data)`;
/** Lines that open a session, and half of one at the end. */
const FRAMED = `(data, kept) => {
  const lines = (kept + data).split("\\n");
  const half = lines.pop();
  return Buffer.from(lines.filter((line) => /^auth/.test(line)).map((line) => line + "\\n").join("") + half);
}`;

class Client {
  readonly socket: net.Socket;
  text = "";

  constructor(t: TestContext, port: number) {
    this.socket = net.connect({ port, host: "127.0.0.1" });
    this.socket.on("data", (chunk) => {
      this.text += chunk;
    });
    this.socket.on("error", () => {});
    t.after(() => this.socket.destroy());
  }

  async asks(text: string, count: number): Promise<void> {
    this.socket.write(text);
    await this.hears(count);
  }

  hears = (count: number) =>
    until(`line ${count} of ${this.text}`, () => this.lines.length >= count);

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

/** Speaks by the parser that the broker has, too; as clients do, it writes a packet in pieces. */
class MqttClient {
  readonly heard: string[] = [];
  readonly #stream: Duplex;
  readonly #packets = createRequire(join(frameworks, "package.json"))("mqtt-packet");

  static async connect(t: TestContext, stream: Duplex, clientId: string): Promise<MqttClient> {
    const client = new MqttClient(t, stream);
    await client.asks({ cmd: "connect", clientId, keepalive: 60, clean: true });
    return client;
  }

  private constructor(t: TestContext, stream: Duplex) {
    this.#stream = stream;
    stream.on("error", () => {});
    t.after(() => stream.destroy());
    const parser = this.#packets.parser();
    parser.on("packet", ({ cmd, payload }: { cmd: string; payload?: Buffer }) =>
      this.heard.push(payload?.length ? `${cmd} ${payload}` : cmd),
    );
    stream.on("data", (chunk) => parser.parse(chunk));
  }

  send(packet: object): void {
    this.#packets.writeToStream(packet, this.#stream);
  }

  async asks(packet: object): Promise<void> {
    const { length } = this.heard;
    this.send(packet);
    await until("an answer", () => this.heard.length > length);
  }
}

interface MqttWay {
  /** The block of the guide. */
  block: string;
  before: string;
  open(port: number): Duplex;
}

const MQTT_WAYS: Record<string, MqttWay> = {
  TCP: {
    block: "aedes",
    before: "",
    open: (port) => net.connect({ port, host: "127.0.0.1" }),
  },
  WebSockets: {
    block: "aedes over ws",
    before: "const server = http.createServer();",
    open: (port) => createWebSocketStream(new WebSocket(`ws://127.0.0.1:${port}`, "mqtt")),
  },
};

const variants = {
  "a listener that returns its promise": app(BY_PROMISE, WHOLE),
  "a listener that keeps its promise to itself": app(BY_NOBODYS_PROMISE, WHOLE),
  "a package that reads the stream by itself": app(BY_PACKAGE, WHOLE),
  frames: app(BY_PROMISE, FRAMED),
};

for (const [name, source] of Object.entries(variants)) {
  test(`${name}: to another process and back, the client is answered once`, async (t) => {
    await using bench = new Bench();
    const old = bench.start(source);
    const client = new Client(t, await portOf(old));
    await once(client.socket, "connect");
    await client.asks("auth ada\n", 1);
    await client.asks("one\n", 2);
    const next = bench.start(source, standby);
    await next.event("ready");
    const { carried, left } = await handOff(bench, old, next);
    assert.deepEqual([carried, left], [1, 0]);
    await client.asks("two\n", 3);
    await handBack(bench, old, next);
    await client.asks("three\n", 4);
    assert.deepEqual(client.lines, ["hello ada", "1 ada one", "2 ada two", "1 ada three"]);
  });

  test(`${name}: through swaps in one process`, async (t) => {
    await using bench = new Bench();
    const accepting = source.replace("const server", "hot.accept();\nconst server");
    const swapping = await Swapping.start(bench, accepting);
    const client = new Client(t, await swapping.port);
    await once(client.socket, "connect");
    await client.asks("auth ada\n", 1);
    for (let number = 2; number <= 3; number += 1) {
      await swapping.swap(accepting, false);
      await client.asks(`${number}\n`, number);
    }
    assert.deepEqual(client.lines, ["hello ada", "2 ada 2", "3 ada 3"]);
  });
}

test("half a frame is heard with its rest, by the next version", async (t) => {
  await using bench = new Bench();
  const old = bench.start(app(BY_PROMISE, FRAMED));
  const client = new Client(t, await portOf(old));
  await once(client.socket, "connect");
  await client.asks("auth ada\none\ntw", 2);
  const next = bench.start(app(BY_PROMISE, FRAMED), standby);
  await next.event("ready");
  await handOff(bench, old, next);
  await client.asks("o\n", 3);
  assert.deepEqual(client.lines, ["hello ada", "1 ada one", "2 ada two"]);
});

test("a client of which too much would have to be kept is not carried", async (t) => {
  await using bench = new Bench();
  const old = bench.start(app(BY_PROMISE, "() => true"));
  const client = new Client(t, await portOf(old));
  await once(client.socket, "connect");
  await client.asks(`${"x".repeat(70_000)}\n`, 1);
  const next = bench.start(app(BY_PROMISE, WHOLE), standby);
  await next.event("ready");
  const { carried, left } = await handOff(bench, old, next);
  assert.deepEqual([carried, left], [0, 1]);
  const notices = old.events("notice").map(({ text }) => text);
  assert.match(notices.join(), /more than 64 KiB/);
});

test("`replay` without `keep` is an error where it is said", async () => {
  await using bench = new Bench();
  const worker = bench.start(app(BY_PROMISE, "undefined"));
  const { error } = await worker.event("failed");
  assert.match(JSON.stringify(error), /replay takes \{ keep \}/);
});

for (const [way, { block, before, open }] of Object.entries(MQTT_WAYS)) {
  test(`an MQTT client stays connected and subscribed over ${way}, as the guide teaches aedes`, async (t) => {
    await installFrameworks();
    await using bench = new Bench();
    linkFrameworks(bench.folder);
    const source = `
      import http from "node:http";
      import net from "node:net";
      import { hot } from "tsugi/hot";
      import { Aedes } from "aedes";
      import { createWebSocketStream, WebSocketServer } from "ws";
      const broker = await Aedes.createBroker();
      ${before}
      ${guideCode("MQTT")}
      ${guideCode(block)}
      server.listen(0, "127.0.0.1", () => console.log("listening", server.address().port));`;
    const old = bench.start(source);
    const port = await portOf(old);
    const [ada, bob] = [
      await MqttClient.connect(t, open(port), "ada"),
      await MqttClient.connect(t, open(port), "bob"),
    ];
    await ada.asks({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "news", qos: 0 }] });
    const tell = async (payload: string) => {
      bob.send({ cmd: "publish", topic: "news", payload, qos: 0 });
      await until(payload, () => ada.heard.includes(`publish ${payload}`));
    };
    await tell("one");
    const next = bench.start(source, standby);
    await next.event("ready");
    const { carried } = await handOff(bench, old, next);
    assert.equal(carried, 2);
    await tell("two");
    await handBack(bench, old, next);
    await tell("three");
    await bob.asks({ cmd: "pingreq" });
    const published = ["one", "two", "three"].map((payload) => `publish ${payload}`);
    assert.deepEqual(ada.heard, ["connack", "suback", ...published]);
    assert.deepEqual(bob.heard, ["connack", "pingresp"]);
  });
}
