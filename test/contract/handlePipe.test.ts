/** The pipe by which connections go from one worker straight to another. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { HandlePipe, passesHandles } from "../../src/runtime/node/handlePipe.ts";
import { pipePair } from "../helpers/workerHarness.ts";

const SENDER = fileURLToPath(new URL("../helpers/handleSender.ts", import.meta.url));
const COUNT = 60;

test("what a process has sent before it died is received, handle for handle, before the end", {
  skip: !passesHandles,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-pipe-"));
  const [ours, theirs] = await pipePair(folder);
  rmSync(folder, { recursive: true, force: true });
  const sender = fork(SENDER, { execArgv: ["--import", "tsx"] });
  sender.send(COUNT, theirs, {}, () => theirs.close());
  const pipe = new HandlePipe(ours);
  const exited = once(sender, "exit");
  await once(sender, "message");
  await exited;
  // Nothing of it has been read up to here.
  const seen: unknown[] = [];
  let handles = 0;
  const ended = new Promise<void>((resolve) => {
    pipe.onEnd = resolve;
  });
  pipe.onValue = (value, handle) => {
    seen.push(value);
    if (handle === undefined) return;
    handles += 1;
    handle.close();
  };
  pipe.read();
  // The pipe alone keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  await ended;
  clearInterval(alive);
  assert.equal(handles, COUNT);
  assert.deepEqual(seen.at(-1), { last: true });
  assert.equal(seen.length, COUNT + 1);
});
