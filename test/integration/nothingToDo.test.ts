/** What is said where there is nothing to do, or nothing yet. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, test } from "node:test";
import { buildWall } from "../helpers/wall.ts";

const config = { timeouts: { probationMs: 100, readyMs: 10_000 } };
const wall = await buildWall({ "0.0.1": { config }, "0.0.2": { config } });
after(() => wall.dispose());

test("an upgrade that had nothing to do names no page of it, the first that had does", {
  timeout: 60_000,
}, async (t) => {
  const { host } = await wall.host(t);
  await host.must("start");
  const none = await host.must("upgrade", "0.0.1");
  assert.match(none.output, /Nothing to do/);
  assert.doesNotMatch(none.output, /tsugi view/);
  const first = await host.must("upgrade", wall.tarball("0.0.2"));
  assert.match(first.output, /tsugi view/);
});

test("follow says that a file is not there, and which", { timeout: 60_000 }, async (t) => {
  const { host } = await wall.host(t);
  const follow = spawn(host.bin, ["follow", "wanted", "--every", "1"], {
    cwd: host.root,
    env: host.env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  for await (const chunk of follow.stderr) {
    said += chunk;
    if (/Nothing is wanted: .*\n/.test(said)) break;
  }
  follow.kill("SIGTERM");
  if (follow.exitCode === null) await once(follow, "exit");
  assert.ok(said.includes(`there is no ${join(host.root, "wanted")} yet`), said);
});
