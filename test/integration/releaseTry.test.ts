/** What was packed is started before it is called built. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { writeProject } from "../helpers/anyProject.ts";
import { freePort } from "../helpers/ports.ts";
import { TEST_NODE, temporaryFolder, tsugi } from "../helpers/projects.ts";

describe("tsugi release tries what it has packed", { concurrency: 2 }, () => {
  const { folder: base, remove } = temporaryFolder("try");
  after(remove);

  async function build(name: string, server: string, ...args: string[]) {
    return buildStarted("node app.js", name, server, ...args);
  }

  async function buildStarted(start: string, name: string, server: string, ...args: string[]) {
    const folder = writeProject(join(base, name), {
      "package.json": { name, version: "1.0.0", type: "module", scripts: { start } },
      "app.js": server,
    });
    const given = ["release", "--node", TEST_NODE, ...args];
    const result = await tsugi(given, folder, { TSUGI_TRY: "1" });
    const isBuilt = existsSync(join(folder, ".tsugi/node_modules", name, "releases/1.0.0"));
    return { ...result, isBuilt };
  }

  test("one that answers is said to", async () => {
    const { output, status, isBuilt } = await build(
      "answers",
      'import { createServer } from "node:http";\ncreateServer((_, r) => r.end("hello")).listen(process.env.PORT);',
    );
    assert.equal(status, 0, output);
    assert.match(output, /It starts, and answers 200 to GET \//);
    assert.ok(isBuilt);
    const left = readdirSync(tmpdir()).filter((name) => name.startsWith("tsugi-try-"));
    for (const name of left) assert.ok(!existsSync(join(tmpdir(), name, "bin", "answers")), name);
  });

  test("a module that is not packed is an error, and nothing is written; --no-try leaves it out", async () => {
    const server = 'const name = "./not-there.js";\nawait import(name);';
    const refused = await build("lacks", server);
    assert.equal(refused.status, 1, refused.output);
    assert.match(refused.stderr, /error TSUGI_TRY_FAILED/);
    assert.match(refused.stderr, /not-there\.js/);
    assert.ok(!refused.isBuilt);
    const forced = await build("lacks", server, "--no-try");
    assert.equal(forced.status, 0, forced.output);
    assert.ok(forced.isBuilt);
  });

  test("so is a syntax error, with its file and line", async () => {
    const { status, stderr } = await build("broken", "const fine = 1;\nconst = ;\n");
    assert.equal(status, 1, stderr);
    assert.match(stderr, /error TSUGI_TRY_FAILED[\s\S]*app\.js:2[\s\S]*SyntaxError/);
    assert.doesNotMatch(stderr, /not packed|not in what was packed|npm install/);
  });

  test("what needs a variable that is not here is a warning with the app's own words", async () => {
    const { output, status, isBuilt } = await build(
      "needs",
      'if (!process.env.DATABASE_URL) throw new Error("DATABASE_URL is not set");',
    );
    assert.equal(status, 0, output);
    assert.match(output, /! It does not start here; its last words:[\s\S]*DATABASE_URL is not set/);
    assert.ok(isBuilt);
  });

  test("of an error far above the end of its stack, the message is told", async () => {
    const deep = "const deep = (n) => n > 0 ? deep(n - 1) : new Error('no session key');";
    const { output } = await build(
      "deep",
      `${deep}\nError.stackTraceLimit = 40;\nconsole.error("Failed:", deep(30).stack);\nprocess.exit(0);`,
    );
    assert.match(
      output,
      /! It does not start here; its last words:\n.*Failed: Error: no session key/,
    );
  });

  test("of an error whose message is long, its beginning is told", async () => {
    const list = "Array.from({ length: 30 }, (_, at) => 'tried ' + at).join('\\n')";
    const { output } = await build("lists", `throw new Error("No bindings file:\\n" + ${list});`);
    assert.match(output, /its last words:[\s\S]*Error: No bindings file:\n.*tried 0/);
  });

  test("variables in Node's own arguments are filled in; one that is not set is left out", async () => {
    const start = `node --stack-trace-limit=\${LIMIT:-7} --max-old-space-size=$NOT_SET app.js`;
    const server = `import { createServer } from "node:http";
if (Error.stackTraceLimit !== 7) throw new Error(process.execArgv.join());
createServer((_, r) => r.end("hello")).listen(process.env.PORT);`;
    const { output } = await buildStarted(start, "filled", server);
    assert.match(output, /It starts, and answers 200/);
  });

  test("one that breaks at its first request is found out", async () => {
    const { output } = await build(
      "breaks",
      'import { createServer } from "node:http";\ncreateServer(() => { throw new Error("no views"); }).listen(process.env.PORT);',
    );
    assert.match(output, /! It does not start here; its last words:[\s\S]*no views/);
  });

  for (const [name, answer] of [
    ["hangs-up", "socket.destroy()"],
    ["greets", 'socket.end("-ERR unknown command\\r\\n")'],
  ] as const) {
    test(`one that ${name} where HTTP is spoken to it starts: it is a server of something else`, async () => {
      const { output } = await build(
        name,
        `import { createServer } from "node:net";\ncreateServer((socket) => socket.on("data", () => ${answer})).listen(process.env.PORT);`,
      );
      assert.match(output, /It starts; what listens on PORT speaks no HTTP/);
      assert.doesNotMatch(output, /broke off|last words/);
    });
  }

  test("one of tsugi/hot that dies of its first request is no server of something else", async () => {
    const { output } = await build(
      "hot-breaks",
      'import { createServer } from "node:http";\nimport { hot } from "tsugi/hot";\nhot.prepare(() => {});\ncreateServer(() => { throw new Error("no views"); }).listen(process.env.PORT);',
    );
    assert.match(output, /! It started, and broke off[\s\S]*no views/);
  });

  test("what it writes past Node beside its code is said: the next version would begin without", async () => {
    const server = `import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
execFileSync("sh", ["-c", "mkdir -p data && echo 1 > data/a.sqlite && echo 1 > data/a.sqlite-wal && echo 1 > src/b.db"]);
createServer((_, r) => r.end()).listen(process.env.PORT);`;
    writeProject(join(base, "writes"), { "src/other.js": "" });
    const { output, isBuilt } = await build("writes", server);
    assert.match(
      output,
      /! .*it wrote data\/a\.sqlite, src\/b\.db beside its code.*shared: \["data", "src\/b\.db"\]/,
    );
    assert.ok(isBuilt);
  });

  test("for one that listens nowhere, overlap: false is proposed", async () => {
    const { output, status } = await build("bot", "setInterval(() => {}, 1000);");
    assert.equal(status, 0, output);
    assert.match(output, /it listens on no port.*overlap: false/);
  });

  test("one with a port of its own is asked there, and told how a host could choose", async () => {
    const port = await freePort();
    const server = `import { createServer } from "node:http";\ncreateServer((_, r) => r.writeHead(204).end()).listen(${port});`;
    const { output } = await build("own-port", server);
    assert.match(output, new RegExp(`It starts, and answers 204 to GET / on port ${port}\n`));
    assert.match(
      output,
      new RegExp(`does not listen on PORT.*process\\.env\\.PORT \\?\\? ${port}`),
    );
    assert.doesNotMatch(output, /overlap: false/);
  });

  test("a port of its own that is taken here is no matter of etc/env", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, resolve));
    const { port } = taken.address() as { port: number };
    const server = `import { createServer } from "node:http";\ncreateServer(() => {}).listen(${port});`;
    const { output, isBuilt } = await build("taken", server);
    taken.close();
    assert.match(output, new RegExp(`Something here listens on port ${port} already`));
    assert.doesNotMatch(output, /etc\/env/);
    assert.ok(isBuilt);
  });

  test("what the app can't parse here is a warning: a host may have it", async () => {
    const { output, isBuilt } = await build("parses", "JSON.parse(process.env.SETTINGS ?? '');");
    assert.match(
      output,
      /! It does not start here; its last words:[\s\S]*SyntaxError[\s\S]*etc\/env/,
    );
    assert.ok(isBuilt);
  });

  test("a file that it reads and that is not packed is told by its name, with what packs it", async () => {
    const server = `import { readFileSync } from "node:fs";\nimport { join } from "node:path";\nreadFileSync(join(process.cwd(), "rules/a.json"));`;
    const { output } = await build("reads", server);
    assert.match(output, / rules\/a\.json is not there: what the app reads is packed by files/);
  });
});
