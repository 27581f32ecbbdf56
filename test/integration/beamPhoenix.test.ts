/**
 * A Phoenix application with a live channel, upgraded and taken back while the channel is joined. Its
 * packages come from Hex, so this test runs where Hex is reachable; elsewhere
 * TSUGI_PHOENIX_CHECKOUTS may name a folder with git checkouts of Phoenix and what it needs.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, describe, test } from "node:test";
import WebSocket from "ws";
import { BeamBuilds, BeamHost, elixirMissing } from "../helpers/beam.ts";
import { runCommand } from "../helpers/commands.ts";

const CHECKOUTS = process.env.TSUGI_PHOENIX_CHECKOUTS;
const skip = (await elixirMissing()) || (await hexMissing());
const builds = new BeamBuilds();
after(() => builds.dispose());

async function hexMissing(): Promise<string | false> {
  if (CHECKOUTS !== undefined) return false;
  const here = await fetch("https://repo.hex.pm/installs/hex-1.x.csv", {
    signal: AbortSignal.timeout(5_000),
  }).catch(() => undefined);
  if (!here?.ok) return "Hex (repo.hex.pm) can't be reached from here: Phoenix is not tested";
  const hex = await runCommand("mix", ["local.hex", "--force", "--if-missing"]);
  return hex.status === 0 ? false : "mix local.hex failed: Phoenix is not tested";
}

const chat = (version: string) => builds.get(version, { fixture: `chat-${version}` });

describe("a Phoenix application", { skip }, () => {
  test("a joined channel lives on, its assigns and the room's state through code_change, both ways", async () => {
    const one = await chat("0.1.0");
    const two = await chat("0.2.0");
    const secret = randomBytes(48).toString("hex");
    const host = await BeamHost.start(one, { env: { SECRET_KEY_BASE: secret } });
    const channel = new Channel(host.port);
    try {
      const pid = await host.pid();
      await channel.push("phx_join", {});
      assert.deepEqual(await channel.push("say", { text: "one" }), { heard: 1 });
      const { status, value, output } = await host.upgrade(two);
      assert.equal(status, 0, output);
      assert.equal(value.connections.carried, 1);
      const names = value.states.map(({ name }: { name: string }) => name).sort();
      assert.deepEqual(names, ["Elixir.Chat.Room", "Elixir.ChatWeb.RoomChannel"]);
      assert.deepEqual(await channel.push("say", { text: "two" }), { heard: 2, v: 2 });
      assert.equal(await host.get("/"), "v2 one,two");
      assert.equal((await host.json("downgrade", "0.1.0")).status, 0);
      assert.deepEqual(await channel.push("say", { text: "three" }), { heard: 3 });
      assert.equal(await host.get("/"), "v1 one,two,three");
      assert.equal(channel.closed, false, "one connection all the time");
      assert.equal(await host.pid(), pid);
    } finally {
      channel.close();
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
