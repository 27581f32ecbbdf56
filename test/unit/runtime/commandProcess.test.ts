import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { runCommand } from "../../../src/runtime/supervisor/commandProcess.ts";
import { until } from "../../helpers/installed.ts";
import { isRunning } from "../../helpers/wall.ts";

async function run(
  script: string,
  { timeoutMs = 60_000, stop = new AbortController().signal } = {},
) {
  const lines: string[] = [];
  const ended = await runCommand({
    words: ["sh", "-c", script],
    cwd: tmpdir(),
    env: { PATH: process.env.PATH! },
    timeoutMs,
    stop,
    onLine: (_pid, line) => lines.push(line),
  });
  return { ...ended, lines };
}

test("all that it says has been passed on when it has ended", async () => {
  const { exitCode, problem, lines } = await run("echo one; echo two >&2; printf three");
  assert.deepEqual([exitCode, problem], [0, undefined]);
  assert.deepEqual(lines.sort(), ["one", "three", "two"]);
});

test("however few descriptors are left, it is they that are missed", () => {
  const module = new URL("../../../src/runtime/supervisor/spawning.ts", import.meta.url);
  const code = `
    import { once } from "node:events";
    import { closeSync, openSync } from "node:fs";
    import { spawnWithOutput } from "${module}";
    const held = [];
    try { for (;;) held.push(openSync("/dev/null")); } catch {}
    const problems = new Set();
    for (let free = 0; free < 16; free += 1) {
      try {
        const { child, output } = spawnWithOutput("true", [], { cwd: "${tmpdir()}", env: process.env, ipc: true });
        await once(child, "exit");
        await output.ended;
      } catch (error) {
        problems.add(error.code ?? error.message);
      }
      closeSync(held.pop());
    }
    while (held.length > 0) closeSync(held.pop());
    console.log(...problems);`;
  const words = ["--import", "tsx", "--input-type=module", "--eval", code];
  const script = 'ulimit -n 100 && exec "$0" "$@"';
  const { stdout, stderr } = spawnSync("sh", ["-c", script, process.execPath, ...words]);
  assert.equal(`${stdout}${stderr}`, "EMFILE\n");
});

test("its exit code, or the signal that ended it, is the problem", async () => {
  assert.match((await run("exit 3")).problem!, /^exit code 3; its output is in the log$/);
  const { exitCode, problem } = await run("kill -KILL $$");
  assert.equal(exitCode, null);
  assert.match(problem!, /^ended by SIGKILL/);
});

test("a program that is not there is a problem, not an exception", async () => {
  const env = { PATH: process.env.PATH! };
  const stop = new AbortController().signal;
  const what = { cwd: tmpdir(), env, timeoutMs: 60_000, stop, onLine() {} };
  const { problem } = await runCommand({ words: ["no-such-program"], ...what });
  assert.match(problem!, /ENOENT/);
});

test("a time-out ends it, and what it has started", async () => {
  const { problem, lines } = await run("sleep 600 & echo $!; wait", { timeoutMs: 3_000 });
  assert.equal(problem, "not done within 3000 ms");
  const child = Number(lines[0]);
  await until("its child is gone", () => !isRunning(child));
});

test("a stop ends it, also one that came before", async () => {
  const { problem } = await run("sleep 600", { stop: AbortSignal.abort() });
  assert.match(problem!, /because the service is being stopped/);
});
