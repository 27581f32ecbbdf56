/** UDP: a server under datagrams goes on through upgrades of every kind. */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { type BuiltRelease, buildVariant, TEST_NODE } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";

const SERVER = "127.0.0.2";
/** Some 280 small ones fit into the 208 KiB that Linux gives a socket. */
const KERNEL_KEEPS = 200;
const GROUP = "239.255.77.77";
const workshop = mkdtempSync(join(tmpdir(), "tsugi-datagrams-"));
const fixture = "datagrams-1.0.0";
/** Ten upgrades and more: `npm run long -- datagrams`. */
const ROUNDS = Number(process.env.TSUGI_TEST_ROUNDS ?? 1);
const withoutSwap = { "src/server.ts": (text: string) => text.replace("hot.accept();\n", "") };
interface Build {
  edit?: Record<string, (text: string) => string>;
  workers?: number;
  node?: string;
}
const build = (version: string, { edit = {}, workers = 1, node = TEST_NODE }: Build = {}) =>
  buildVariant(join(workshop, version), {
    ...{ fixture, version, edit, node },
    prepare: (project) => {
      const config = { processes: { main: { entry: "src/server.ts", workers } } };
      writeFileSync(
        join(project, "tsugi.config.js"),
        `export default ${JSON.stringify(config)};\n`,
      );
    },
  });

let one: BuiltRelease;
let two: BuiltRelease;
let handedOff: BuiltRelease;
let sick: BuiltRelease;
before(async () => {
  one = await build("1.0.0");
  two = await build("1.1.0");
  handedOff = await build("1.2.0", { edit: withoutSwap });
  sick = await build("1.3.0", {
    edit: { "src/server.ts": (text) => `${text}\nhot.health(() => false);\n` },
  });
});
after(() => rmSync(workshop, { recursive: true, force: true }));

let host: Installed;
const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await host.remove();
});

/** Numbers its datagrams; each has to be answered, once. */
class Client {
  readonly socket: Socket;
  readonly answers = new Map<string, string[]>();
  sent = 0;
  #timer: NodeJS.Timeout | undefined;

  static async open(port = 0): Promise<Client> {
    const socket = createSocket("udp4");
    socket.bind(port, "127.0.0.1");
    await once(socket, "listening");
    const client = new Client(socket);
    clients.push(client);
    return client;
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("message", (message) => {
      const [, number = "", version = ""] = /(\d+) (\S+)$/.exec(String(message)) ?? [];
      this.answers.set(number, [...(this.answers.get(number) ?? []), version]);
    });
  }

  get port(): number {
    return this.socket.address().port;
  }

  /**
   * In small bursts, as timers are no finer; and never more at a time than the kernel keeps for a
   * socket that nobody reads.
   */
  stream(perSecond: number, port: number, address = SERVER): void {
    const start = performance.now();
    this.#timer = setInterval(() => {
      const due = ((performance.now() - start) * perSecond) / 1000;
      while (this.sent < due && this.sent - this.answers.size < KERNEL_KEEPS) {
        this.sent += 1;
        this.socket.send(String(this.sent), port, address);
      }
    }, 2);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async allAnswered(): Promise<void> {
    this.stop();
    await until("every datagram is answered", () => this.answers.size >= this.sent).catch(() => {});
    const numbers = Array.from({ length: this.sent }, (_, index) => String(index + 1));
    assert.deepEqual(
      numbers.filter((number) => this.answers.get(number)?.length !== 1),
      [],
    );
  }

  versionOf(number: number): string | undefined {
    return this.answers.get(String(number))?.[0];
  }

  close(): void {
    this.stop();
    this.socket.close();
  }
}

const PROBATION = { config: { timeouts: { probationMs: 600 }, health: { intervalMs: 100 } } };
const start = async (options: Parameters<typeof Installed.install>[1] = {}, release = one) => {
  const peer = await Client.open();
  host = await Installed.install(release, { ...options, env: { PEER_PORT: String(peer.port) } });
  await host.host.must("start");
  return peer;
};
const upgrade = async (release: BuiltRelease, strategy: string) => {
  if (!(await host.host.must("releases")).stdout.includes(release.version)) host.drop(release);
  const { status, report } = await host.report("upgrade", release.version);
  assert.deepEqual([status, report.strategy], [0, strategy], JSON.stringify(report));
};

describe("datagrams", () => {
  test("are all answered, through swaps, handoffs and reloads", async () => {
    await start();
    const client = await Client.open();
    client.stream(1000, host.port);
    await until("it flows", () => client.answers.size > 100);
    const round = [
      [two, "swap"],
      [handedOff, "handoff"],
      [one, "handoff"],
      [two, "swap"],
      [one, "swap"],
    ] as const;
    for (const [release, strategy] of Array.from({ length: ROUNDS }, () => round).flat()) {
      await upgrade(release, strategy);
    }
    await host.host.must("reload");
    const last = client.sent;
    await until("the last version answers", () => client.versionOf(last + 1) !== undefined);
    await client.allAnswered();
    assert.equal(client.versionOf(last + 1), "1.0.0");
    const asker = await Client.open();
    asker.socket.send("sum", host.port, SERVER);
    await until("the sum comes", () => asker.answers.size > 0);
    assert.deepEqual([...asker.answers], [[String(client.sent), ["1.0.0"]]]);
  });

  for (const [strategy, first] of [
    ["swap", () => one],
    ["handoff", () => handedOff],
  ] as const) {
    test(`are all answered when a new version fails in probation, by ${strategy}`, async () => {
      await start(PROBATION, first());
      const client = await Client.open();
      client.stream(1000, host.port);
      await until("it flows", () => client.answers.size > 100);
      host.drop(sick);
      const { status, report } = await host.report("upgrade", sick.version);
      assert.deepEqual([status, report.result], [5, "handed-back"], JSON.stringify(report));
      assert.equal(report.strategy, strategy);
      const last = client.sent;
      await until("the old version answers", () => client.versionOf(last + 1) !== undefined);
      await client.allAnswered();
      assert.equal(client.versionOf(last + 1), first().version);
      assert.ok([...client.answers.values()].flat().includes(sick.version));
    });
  }

  test("are all answered by several workers, through swaps and a reload", async () => {
    const several = await Promise.all(
      ["2.0.0", "2.1.0"].map((version) => build(version, { workers: 3 })),
    );
    await start({}, several[0]!);
    const client = await Client.open();
    client.stream(1000, host.port);
    await until("it flows", () => client.answers.size > 100);
    await upgrade(several[1]!, "swap");
    const { status, report } = await host.report("reload");
    assert.deepEqual([status, report.strategy], [0, "handoff"], JSON.stringify(report));
    await host.host.must("rollback");
    const last = client.sent;
    await until("the last version answers", () => client.versionOf(last + 1) !== undefined);
    await client.allAnswered();
    assert.equal(client.versionOf(last + 1), "2.0.0");
  });

  test("are all answered through another Node, and back", { skip: ROUNDS === 1 }, async () => {
    const another = await build("3.0.0", { node: "22.23.0" });
    await start();
    const client = await Client.open();
    client.stream(1000, host.port);
    await until("it flows", () => client.answers.size > 100);
    await upgrade(another, "replace");
    await upgrade(one, "replace");
    const last = client.sent;
    await until("the last version answers", () => client.versionOf(last + 1) !== undefined);
    await client.allAnswered();
    assert.equal(client.versionOf(last + 1), "1.0.0");
  });

  test("a group stays joined, and a connected socket keeps its peer", async () => {
    const peer = await start();
    const member = await Client.open();
    member.socket.setMulticastInterface("127.0.0.1");
    for (const [release, strategy] of [
      [two, "swap"],
      [handedOff, "handoff"],
    ] as const) {
      await upgrade(release, strategy);
      const number = member.sent + 1;
      member.sent = number;
      member.socket.send(String(number), host.port + 1, GROUP);
      peer.socket.send(String(number), host.port + 2, SERVER);
      await until("both answer", () => member.versionOf(number) && peer.versionOf(number));
      assert.deepEqual(
        [member.versionOf(number), peer.versionOf(number)],
        [release.version, release.version],
      );
    }
    const stranger = await Client.open();
    stranger.socket.send("1", host.port + 2, SERVER);
    peer.socket.send("3", host.port + 2, SERVER);
    await until("the peer is answered", () => peer.versionOf(3));
    assert.equal(stranger.answers.size, 0);
  });

  test("a port in use is the application's error, as under plain node", async () => {
    const peer = await Client.open();
    host = await Installed.install(one, { env: { PEER_PORT: String(peer.port) } });
    const taken = createSocket("udp4").bind(host.port, SERVER);
    await once(taken, "listening");
    const { status, output } = await host.host.app("start");
    taken.close();
    assert.equal(status, 1, output);
    assert.match(output, new RegExp(`bind EADDRINUSE ${SERVER}:${host.port}`));
  });
});
