import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { projectRoot } from "../helpers/example.ts";

const temporary = mkdtempSync(join(tmpdir(), "tsugi-test-"));
after(() => rmSync(temporary, { recursive: true, force: true }));

/** tsx keeps a cache of its own there. */
const left = () => readdirSync(temporary).filter((name) => !name.startsWith("tsx-"));

function startDemo() {
  const child = spawn(process.execPath, ["scripts/demo.mjs", "--no-beam"], {
    cwd: projectRoot,
    env: { ...process.env, TMPDIR: temporary, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const demo = { output: "", seen: (_output: string) => {} };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      demo.output += text;
      demo.seen(demo.output);
    });
  }
  const ended = once(child, "close").then(([status]) => status as number | null);
  const until = (part: string) =>
    Promise.race([
      new Promise<void>((resolve) => {
        demo.seen = (output) => output.includes(part) && resolve();
      }),
      ended.then(() => assert.fail(`the demo ended before "${part}":\n${demo.output}`)),
    ]);
  return { child, demo, ended, until };
}

test("the demo goes over to 0.0.2 and back, and no request fails", async () => {
  const { demo, ended } = startDemo();
  assert.equal(await ended, 0, demo.output);
  assert.match(demo.output, /No request failed, and nothing acknowledged is lost\./);
  assert.match(
    demo.output,
    /^ {3}clients +sent +answered +failed +reconnected +slowest +0\.0\.1 +0\.0\.2$/m,
  );
  for (const kind of ["new connection", "keep-alive", "WebSocket"]) {
    assert.match(
      demo.output,
      new RegExp(`^ {3}${kind} +\\d+ +\\d+ +0 +\\d+ +\\d+ ms +\\d+ +\\d+$`, "m"),
    );
  }
  const tooLong = demo.output.split("\n").filter((line) => line.length > 80);
  assert.deepEqual(tooLong, []);
  assert.deepEqual(left(), []);
});

test("an interrupted demo leaves nothing behind", async () => {
  const { child, demo, ended, until } = startDemo();
  await until("3. Keep clients busy");
  child.kill("SIGINT");
  assert.equal(await ended, 130, demo.output);
  assert.deepEqual(left(), []);
});
