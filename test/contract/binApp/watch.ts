/** status --watch: on a terminal, in a pipe, and for a program. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { until } from "../../helpers/installed.ts";
import { Terminal } from "../../helpers/terminal.ts";
import { assertDocument } from "./documents.ts";
import { started } from "./ends.ts";
import type { Kind } from "./kinds.ts";

const DEADLINE_MS = 60_000;

export function watching(kind: Kind): void {
  test("status --watch is a picture that follows what goes on, in the size of the terminal", async (t) => {
    const host = await started(t, await kind.one());
    const size = { columns: 80, rows: 24 };
    const argv = [host.bin, "status", "--watch"];
    const terminal = await Terminal.run(argv, { cwd: host.root, env: host.env, ...size });
    t.after(() => terminal.end());
    const shows = (what: string, is: (lines: string[]) => boolean) =>
      until(
        what,
        async () => {
          const lines = await terminal.screen();
          return is(lines) ? lines : undefined;
        },
        DEADLINE_MS,
      );
    const [head, heads, row] = await shows("a second glance", ([, , line]) => / \d+% /.test(line!));
    assert.match(head!, /^shop 0\.0\.1, permanent for \d+[sm] {2}· {2}\d\d:\d\d:\d\d UTC$/);
    assert.match(heads!, /^worker +pid +restarts +cpu +memory +.*open +.*health$/);
    assert.match(row!, /^main\.0 +\d+ +0 +\d+% +[\d.]+ MB +.* ok$/);
    await shows("no upgrade", (lines) => lines.includes("No upgrade yet"));
    assert.equal((await host.upgrade(await kind.two())).status, 0);
    await shows(
      "the upgrade",
      (lines) =>
        lines[0]!.startsWith("shop 0.0.2, permanent") &&
        lines.some((line) => /^Last upgrade 0\.0\.1 → 0\.0\.2 by \w+, \d+[sm] ago: com/.test(line)),
    );
    await terminal.resize(40, 4);
    await shows(
      "what there is room for",
      ([, second, , last]) => second!.endsWith("…") && /^… \d+ more lines$/.test(last!),
    );
    await host.must("stop");
    await shows("that it is stopped", ([line]) => /is not running/.test(line!));
    await terminal.press("C-c");
    assert.deepEqual(await shows("the end", ([line]) => line === "ended 0"), [
      "ended 0",
      ...Array(4).fill(""),
    ]);
    assert.equal(await terminal.hasCursor(), true);
  });

  test("status --watch is plain in a pipe, and a document a line with --json", async (t) => {
    const host = await started(t, await kind.one());
    const read = async (args: string[], enough: RegExp) => {
      const child = spawn(host.bin, ["status", "--watch", ...args], { env: host.env });
      const exited = once(child, "exit");
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      try {
        await until(`${enough} of ${args}`, () => enough.test(output), DEADLINE_MS);
      } finally {
        child.kill("SIGTERM");
      }
      const [code] = await exited;
      assert.equal(code, 0, output);
      return output;
    };
    const text = await read([], /(shop 0\.0\.1[\s\S]*){3}/);
    assert.match(text, /No upgrade yet\n\nshop 0\.0\.1, permanent/);
    assert.ok(!text.includes("\x1b"));
    const lines = (await read(["--json"], /(\n[^\n]*){3}/)).split("\n").slice(0, 2);
    for (const line of lines) assertDocument("glance", JSON.parse(line));
    const { status } = JSON.parse(lines[1]!);
    assert.equal(typeof status.processes[0].slots[0].connections, "number");
  });
}
