/** Each framework's app is released without configuration, started from its release, and answers. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { freePort } from "../helpers/ports.ts";
import { frameworks, installFrameworks, mustTsugi, temporaryFolder } from "../helpers/projects.ts";

interface Running {
  root: string;
  get: (path: string) => Promise<string>;
}

describe("releases of what people write", () => {
  const { folder: out, remove } = temporaryFolder("fixtures");
  before(installFrameworks);
  after(remove);

  /** Releases the fixture, starts it, asks, stops it. */
  async function released(name: string, ask: (app: Running) => Promise<void>) {
    await mustTsugi(["release", join(frameworks, name), "--out", out], out);
    const root = join(out, name);
    const port = await freePort();
    const env = { PATH: "/usr/bin:/bin" };
    const settings = `PORT=${port}\nLOG_FILE=${join(root, "pino.log")}\n`;
    mkdirSync(join(root, "etc"), { recursive: true });
    writeFileSync(join(root, "etc", "env"), settings, { mode: 0o600 });
    await mustRun(join(root, "bin", name), ["start"], { env });
    try {
      const get = async (path: string) => {
        const response = await fetch(`http://127.0.0.1:${port}${path}`);
        const text = await response.text();
        assert.equal(response.status, 200, text);
        return text;
      };
      await ask({ root, get });
    } finally {
      await runCommand(join(root, "bin", name), ["stop"], { env });
    }
  }

  test("top-level await, import.meta, JSON, tsconfig paths, a worker, source maps", async () => {
    await released("esm", async ({ root, get }) => {
      const app = join(root, "lib", "esm-1.0.0");
      const { place, ...body } = JSON.parse(await get("/"));
      assert.deepEqual(body, {
        started: "awaited",
        lazy: "loaded later",
        greeting: "hello",
        note: "read beside the module",
        isMain: true,
        wasMain: false,
        entry: `file://${app}/src/main.mjs`,
        worker: 42,
      });
      assert.equal(place.dirname, join(app, "src", "lib"));
      assert.equal(place.filename, join(app, "src", "lib", "place.ts"));
      assert.equal(place.url, `file://${app}/src/lib/place.ts`);
      const source = readFileSync(join(frameworks, "esm", "src", "lib", "place.ts"), "utf8");
      const line = source.split("\n").findIndex((text) => text.includes("on purpose")) + 1;
      assert.match(await get("/stack"), new RegExp(`at describe .*src/lib/place\\.ts:${line}:`));
    });
  });

  test("NestJS with TypeORM: decorators and their metadata", async () => {
    await released("nest-typeorm", async ({ get }) => {
      assert.deepEqual(JSON.parse(await get("/")), { text: "one", isDate: true });
    });
  });

  test("pino with a transport of a package and one of its own, from CommonJS TypeScript", async () => {
    await released("pino", async ({ root, get }) => {
      assert.deepEqual(JSON.parse(await get("/")), { main: true });
      await until(() => readFileSync(join(root, "pino.log"), "utf8").includes('"msg":"asked"'));
      // Once by the start, which waits for a first answer, and once by us.
      await until(() => readFileSync(join(root, "pino.log.shout"), "utf8") === "ASKED!\nASKED!\n");
    });
  });

  test("--import and -r preloads: OpenTelemetry's auto-instrumentation sees the app", async () => {
    await released("otel", async ({ get }) => {
      assert.deepEqual(JSON.parse(await get("/hello/you")), { hello: "you", early: "preloaded" });
      const spans = JSON.parse(await get("/spans")) as string[];
      assert.ok(spans.includes("@opentelemetry/instrumentation-http GET /hello/:name"), `${spans}`);
      assert.ok(spans.some((span) => span.startsWith("@opentelemetry/instrumentation-express")));
    });
  });

  test("Express 4", async () => {
    await released("express4", async ({ get }) => {
      assert.deepEqual(JSON.parse(await get("/")), { express: 4 });
    });
  });

  test("Express 5 with static files and views", async () => {
    await released("express5", async ({ get }) => {
      assert.equal((await get("/")).trim(), "<h1>Hello tsugi</h1>");
      assert.match(await get("/assets/style.css"), /color: black/);
    });
  });

  test("Fastify", async () => {
    await released("fastify", async ({ get }) => {
      assert.deepEqual(JSON.parse(await get("/")), { fastify: true });
    });
  });

  test("Koa, by import = require", async () => {
    await released("koa", async ({ get }) => {
      assert.deepEqual(JSON.parse(await get("/")), { koa: true });
    });
  });

  test("Hono", async () => {
    await released("hono", async ({ get }) => {
      assert.deepEqual(JSON.parse(await get("/")), { hono: true });
    });
  });

  test("plain CommonJS JavaScript", async () => {
    await released("commonjs", async ({ root, get }) => {
      const { argv1, ...body } = JSON.parse(await get("/"));
      assert.deepEqual(body, {
        words: ["plain", "old", "javascript"],
        settings: { from: "json" },
        isMain: true,
      });
      assert.equal(argv1, join(root, "lib", "commonjs-1.0.0", "app.js"));
    });
  });
});

async function until(condition: () => boolean, withinMs = 5000): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      if (condition()) return;
    } catch {}
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
