/** NODE_OPTIONS of whoever types are for the application's Node, as all else of a shell is, and not for bin/<app>'s. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import { buildWall, eventually } from "../helpers/wall.ts";

const wall = await buildWall({ "0.0.1": { extra: "wall.options = process.env.NODE_OPTIONS;" } });
after(() => wall.dispose());

test("NODE_OPTIONS of a shell break no command; foreground and --keep-env give them to the application", {
  timeout: 60_000,
}, async (t) => {
  const { host, get } = await wall.host(t);
  const broken = { ...host.env, NODE_OPTIONS: "--require=/nowhere/tracing.js" };
  for (const words of [["version"], ["start"], ["status"], ["stop"]]) {
    const { status, output } = await host.run(host.bin, words, { env: broken });
    assert.equal(status, 0, output);
  }
  const options = "--max-old-space-size=300";
  const env = { ...host.env, NODE_OPTIONS: options };
  const optionsNow = async () => (await get()) as unknown as { options?: string };
  const started = await host.run(host.bin, ["start", "--keep-env"], { env });
  assert.equal(started.status, 0, started.output);
  assert.equal((await optionsNow()).options, options);
  await host.must("stop");
  const container = spawn(host.bin, ["foreground"], { env, stdio: "ignore" });
  await eventually("it answers", async () => (await get().catch(() => undefined)) !== undefined);
  assert.equal((await optionsNow()).options, options);
  container.kill("SIGTERM");
  assert.deepEqual(await once(container, "exit"), [0, null]);
});
