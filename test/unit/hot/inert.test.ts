import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const dist = (name: string) => fileURLToPath(new URL(`../../../dist/${name}`, import.meta.url));

/** Runs a program under plain node; `signal` is sent once it has written "up". */
async function run(source: string, signal?: NodeJS.Signals) {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-hot-"));
  try {
    const file = join(folder, "app.mjs");
    const imports = `import { hot } from ${JSON.stringify(dist("hot.mjs"))};\n`;
    writeFileSync(file, imports + source);
    const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    let sent = false;
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      if (!signal || sent || !stdout.includes("up\n")) return;
      sent = child.kill(signal);
    });
    const [[code, died]] = await Promise.all([once(child, "exit"), once(child.stdout, "close")]);
    return { stdout, code, signal: died };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("under plain node state is initial(), and prepare runs before activate", async () => {
  const { stdout, code } = await run(`
    const n = hot.state("n", { initial: () => 1 });
    hot.activate(() => console.log("activated", n.value));
    hot.prepare(async () => { await null; n.value = 2; console.log("prepared"); });
    console.log("release", hot.release, hot.carried({}));
  `);
  assert.equal(stdout, "release undefined false\nprepared\nactivated 2\n");
  assert.equal(code, 0);
});

test("an app without hooks to stop with is ended by SIGTERM as ever", async () => {
  const { signal } = await run(
    `hot.state("n", { initial: () => 1 });
    setInterval(() => {}, 1000); console.log("up");`,
    "SIGTERM",
  );
  assert.equal(signal, "SIGTERM");
});

test("freeze and dispose run at SIGTERM, and the signal ends the process after them", async () => {
  const { stdout, signal } = await run(
    `hot.freeze(async () => { await null; console.log("frozen"); });
     hot.dispose(() => console.log("disposed"));
     setInterval(() => {}, 1000); console.log("up");`,
    "SIGTERM",
  );
  assert.equal(stdout, "up\nfrozen\ndisposed\n");
  assert.equal(signal, "SIGTERM");
});

test("an app's own SIGTERM handler decides when to exit", async () => {
  const { stdout, code } = await run(
    `hot.dispose(() => console.log("disposed"));
     process.on("SIGTERM", () => setTimeout(() => process.exit(3), 50));
     setInterval(() => {}, 1000); console.log("up");`,
    "SIGTERM",
  );
  assert.equal(stdout, "up\ndisposed\n");
  assert.equal(code, 3);
});

test("hot.mjs and hot.cjs are one instance", async () => {
  const { stdout } = await run(`
    import { createRequire } from "node:module";
    const other = createRequire(import.meta.url)(${JSON.stringify(dist("hot.cjs"))});
    console.log(other.hot === hot);
  `);
  assert.equal(stdout, "true\n");
});

test("a state that is declared wrongly says how", async () => {
  const { stdout } = await run(`
    const problems = [
      () => hot.state("", { initial: () => 1 }),
      () => hot.state("a", { version: 1.5, initial: () => 1 }),
      () => hot.state("a", {}),
      () => { hot.state("b", { initial: () => 1 }); hot.state("b", { initial: () => 1 }); },
      () => hot.prepare(),
    ];
    for (const problem of problems) { try { problem(); } catch (error) { console.log(error.message); } }
  `);
  assert.deepEqual(stdout.trim().split("\n"), [
    "hot.state takes a name",
    'hot.state("a"): version must be a whole number from 1',
    'hot.state("a"): initial must be a function',
    'hot.state("b") was declared twice',
    "hot.prepare takes a function",
  ]);
});
