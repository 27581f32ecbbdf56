/** Each row of the table of libraries in docs/guides/websockets.md, by handoff. */
import assert from "node:assert/strict";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { projectRoot } from "../helpers/example.ts";
import { frameworks, installFrameworks } from "../helpers/projects.ts";
import { EchoClient, portOf } from "../helpers/webSocketApp.ts";
import { appOf, LIBRARIES } from "../helpers/webSocketLibraries.ts";
import { Bench, handOff } from "../helpers/workerHarness.ts";

const standby = { boot: { mode: "standby", generation: 2 } } as const;

describe("WebSockets of libraries go on in the next process", () => {
  before(installFrameworks);
  for (const name of Object.keys(LIBRARIES)) {
    test(name, async () => {
      await using bench = new Bench();
      symlinkSync(join(frameworks, "node_modules"), join(bench.folder, "node_modules"));
      const old = bench.start(appOf(name));
      const next = bench.start(appOf(name), standby);
      const client = new EchoClient(await portOf(old), { path: "/chat" });
      await client.opened;
      client.socket.send("one");
      await client.until("answer", () => client.messages.length === 2);
      await next.event("ready");
      const released = await handOff(bench, old, next);
      client.socket.send("two");
      await client.until("answer", () => client.messages.length === 3);
      assert.deepEqual(client.messages, ["welcome", "1 one", "2 two"]);
      assert.deepEqual([released.carried, released.left, client.closed], [1, 0, undefined]);
      assert.equal(next.events("refused").length, 0);
      client.socket.close(4000);
    });
  }

  for (const route of ["another route", "no line"]) {
    test(`whose next version has ${route}: told to come back, and not counted as carried`, async () => {
      await using bench = new Bench();
      symlinkSync(join(frameworks, "node_modules"), join(bench.folder, "node_modules"));
      const name = "ws, noServer behind a router";
      const old = bench.start(appOf(name));
      const source = route === "no line" ? appOf(name, "") : appOf(name).replace("/chat", "/room");
      const next = bench.start(source, standby);
      const client = new EchoClient(await portOf(old), { path: "/chat" });
      await client.until("welcome", () => client.messages.length === 1);
      await next.event("ready");
      await handOff(bench, old, next);
      await client.until("end", () => client.closed !== undefined);
      assert.equal(client.closed?.code, 1012);
      assert.equal(next.events("refused").length, 1);
    });
  }
});

test("the guide gives the same line for each of them", () => {
  const guide = readFileSync(join(projectRoot, "docs/guides/websockets.md"), "utf8");
  const rows = guide.split("\n").map((row) => row.split(" | "));
  for (const [name, { line }] of Object.entries(LIBRARIES)) {
    const row = rows.find(([first]) => first === `| ${name}`);
    assert.equal(row?.[2], `\`${line}\` |`, name);
  }
});
