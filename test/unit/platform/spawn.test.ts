import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

/** Run in a session of its own: what Node would kill there is its process group, with whoever runs this test. */
function withoutDescriptors(code: string): string {
  const module = new URL("../../../src/platform/spawn.ts", import.meta.url);
  const program = `
    import { once } from "node:events";
    import { closeSync, openSync } from "node:fs";
    import { text } from "node:stream/consumers";
    import { spawnChild } from "${module}";
    const held = [];
    const hold = () => { try { for (;;) held.push(openSync("/dev/null")); } catch {} };
    const release = () => held.splice(0).forEach((fd) => closeSync(fd));
    ${code}`;
  const words = ["--import", "tsx", "--input-type=module", "--eval", program];
  const script = 'ulimit -n 100 && exec "$0" "$@"';
  const { stdout, stderr, status } = spawnSync("setsid", [
    ...["--wait", "sh", "-c", script, process.execPath],
    ...words,
  ]);
  return `${stdout}${stderr}${status}`;
}

test("a child that could not be made can't be killed: no group of processes is, in its place", () => {
  const said = withoutDescriptors(`
    hold();
    const child = spawnChild("true", [], { stdio: "pipe" });
    const problem = once(child, "spawn").catch(({ code }) => code);
    const killed = [child.kill(), child.kill("SIGKILL")];
    release();
    console.log(child.pid, ...killed, await problem);`);
  assert.equal(said, "undefined false false EMFILE\n0");
});

test("it has the streams that were asked for, and they are empty", () => {
  const said = withoutDescriptors(`
    hold();
    const child = spawnChild("true", [], { stdio: ["pipe", "pipe", "ignore"] });
    child.on("error", () => {}).stdin.end("nobody reads it");
    release();
    console.log((await text(child.stdout)).length, child.stderr);`);
  assert.equal(said, "0 null\n0");
});
