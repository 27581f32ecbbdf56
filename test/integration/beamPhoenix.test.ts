/**
 * A Phoenix application as `mix phx.new --no-html --no-assets --database mysql` makes it (Ecto, MyXQL,
 * Bandit, a channel), upgraded and taken back while a channel is joined and the database is asked. Its
 * packages come from Hex (or what HEX_MIRROR names), so this runs where that is reachable.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import WebSocket from "ws";
import { BeamBuilds, BeamHost, elixirMissing } from "../helpers/beam.ts";
import { startLoad } from "../helpers/beamLoad.ts";
import { runCommand } from "../helpers/commands.ts";
import { type MariaDb, startMariaDb } from "../helpers/mariadb.ts";

const skip = (await elixirMissing()) || (await hexMissing());
const builds = new BeamBuilds();
let database: MariaDb;
before(async () => {
  if (!skip) database = await startMariaDb();
});
after(async () => {
  builds.dispose();
  await database?.stop();
});

async function hexMissing(): Promise<string | false> {
  const mirror = process.env.HEX_MIRROR ?? "https://repo.hex.pm";
  const answer = await fetch(`${mirror}/packages/phoenix`, {
    signal: AbortSignal.timeout(5_000),
  }).catch(() => undefined);
  if (!answer?.ok) return `Hex is not reachable (${mirror}): Phoenix is not tested`;
  // Phoenix needs telemetry, which is Erlang's and built by rebar3.
  const tools = process.env.MIX_REBAR3 ? ["local.hex"] : ["local.hex", "local.rebar"];
  for (const task of tools) {
    const { status, output } = await runCommand("mix", [task, "--force", "--if-missing"]);
    if (status !== 0) return `mix ${task} failed, so Phoenix is not tested: ${output}`;
  }
  return false;
}

const chat = (version: "0.1.0" | "0.2.0") =>
  version === "0.1.0"
    ? builds.get(version, { fixture: "chat-0.1.0" })
    : builds.get(version, {
        fixture: "chat-0.1.0",
        over: "chat-0.2.0",
        edit: { "mix.exs": (text) => text.replace('version: "0.1.0"', 'version: "0.2.0"') },
      });

describe("a Phoenix application with Ecto and a database", { skip }, () => {
  test("migrated, upgraded and taken back: a joined channel, the room's state and its rows live on", async () => {
    const one = await chat("0.1.0");
    const two = await chat("0.2.0");
    const host = await BeamHost.install(one, {
      env: {
        PHX_SERVER: "true",
        SECRET_KEY_BASE: randomBytes(48).toString("hex"),
        DATABASE_URL: database.url.replace("mysql:", "ecto:"),
      },
    });
    let channel: Channel | undefined;
    try {
      await host.must("start");
      await host.must("rpc", "Chat.Release.migrate()");
      channel = new Channel(host.port);
      const pid = await host.pid();
      await channel.push("phx_join", {});
      assert.deepEqual(await channel.push("say", { text: "one" }), { heard: 1 });

      const load = startLoad(host.port, 4, ["/"]);
      const { status, value, output } = await host.upgrade(two);
      assert.equal(status, 0, output);
      assert.equal(value.strategy, "swap");
      assert.deepEqual(value.leftovers, []);
      const names = value.states.map(({ name }: { name: string }) => name).sort();
      assert.deepEqual(names, ["Elixir.Chat.Room", "Elixir.ChatWeb.RoomChannel"]);
      const steps = value.steps.map(({ name }: { name: string }) => name);
      assert.ok(steps.includes("before"), steps.join(", "));
      assert.deepEqual(await channel.push("say", { text: "TWO" }), { heard: 2, version: 2 });
      const page = async () => JSON.parse(await host.get("/"));
      assert.deepEqual(await page(), { version: "0.2.0", count: 2, messages: ["one", "TWO!"] });

      assert.equal((await host.json("downgrade", "0.1.0")).status, 0);
      assert.deepEqual(await channel.push("say", { text: "three" }), { heard: 3 });
      const messages = ["one", "TWO", "three"];
      assert.deepEqual(await page(), { version: "0.1.0", count: 3, messages });
      const tally = await load.stop();
      assert.deepEqual(tally.failures, []);
      assert.equal(tally.connections, 4, "each client kept its connection");
      assert.equal(channel.closed, false, "one connection all the time");
      assert.equal(await host.pid(), pid);

      // Cold: what is permanent boots with the same database.
      await host.must("upgrade", "0.2.0");
      await host.must("restart");
      assert.deepEqual((await page()).messages, ["one", "TWO!", "three"]);
    } finally {
      channel?.close();
      await host.remove();
    }
  });
});

/** As much of Phoenix's JavaScript client as one channel needs: [join, ref, topic, event, payload]. */
class Channel {
  closed = false;
  readonly #socket: WebSocket;
  readonly #opened: Promise<void>;
  readonly #waiting = new Map<string, (response: unknown) => void>();
  #reference = 0;

  constructor(port: number) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/socket/websocket?vsn=2.0.0`);
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.once("open", resolve);
      this.#socket.once("error", reject);
    });
    this.#socket.on("close", () => {
      this.closed = true;
    });
    this.#socket.on("message", (text) => {
      const [, reference, , event, payload] = JSON.parse(String(text));
      if (event === "phx_reply") this.#waiting.get(reference)?.(payload.response);
    });
  }

  async push(event: string, payload: object): Promise<unknown> {
    await this.#opened;
    this.#reference += 1;
    const reference = String(this.#reference);
    const reply = new Promise((resolve) => this.#waiting.set(reference, resolve));
    this.#socket.send(JSON.stringify(["1", reference, "room:lobby", event, payload]));
    return reply;
  }

  close(): void {
    this.#socket.close();
  }
}
