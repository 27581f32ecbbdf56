/**
 * The answer of an LLM's API: a POST whose answer comes token by token, in a content type that
 * event sources have too. It arrives whole, whatever becomes of the version that has begun it.
 */
import assert from "node:assert/strict";
import http from "node:http";
import { before, describe, test } from "node:test";
import { until } from "../helpers/installed.ts";
import { installFrameworks, linkFrameworks } from "../helpers/projects.ts";
import { Swapping } from "../helpers/swap.ts";
import { Bench, handBack, handOff, portOf } from "../helpers/workerHarness.ts";

const TOKENS = 60;
const ALL = Array.from({ length: TOKENS }, (_, index) => `data: ${index}\n\n`).join("");
const LISTEN = `listen(0, "127.0.0.1", function () { console.log("listening", (this.server ?? this).address().port); })`;

/** Each has \`tokens()\`, \`HEAD\` and the class \`Readable\`. */
const APPS: Record<string, string> = {
  Express: `
    import express from "express";
    const app = express();
    app.post("/chat", async (request, response) => {
      response.set(HEAD).flushHeaders();
      for await (const token of tokens()) response.write("data: " + token + "\\n\\n");
      response.end();
    });
    app.${LISTEN};`,
  Fastify: `
    import fastify from "fastify";
    const app = fastify();
    app.post("/chat", (request, reply) => {
      const events = async function* () { for await (const token of tokens()) yield "data: " + token + "\\n\\n"; };
      return reply.headers(HEAD).send(Readable.from(events()));
    });
    await app.ready();
    app.server.${LISTEN};`,
  Hono: `
    import { Hono } from "hono";
    import { streamSSE } from "hono/streaming";
    import { serve } from "@hono/node-server";
    const app = new Hono();
    app.post("/chat", (context) => streamSSE(context, async (stream) => {
      for await (const token of tokens()) await stream.writeSSE({ data: String(token) });
    }));
    serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => console.log("listening", port));`,
  Nest: `
    import "reflect-metadata";
    import { Controller, Module, Post, Res } from "@nestjs/common";
    import { NestFactory } from "@nestjs/core";
    class Chat {
      async chat(response) {
        response.set(HEAD).flushHeaders();
        for await (const token of tokens()) response.write("data: " + token + "\\n\\n");
        response.end();
      }
    }
    Res()(Chat.prototype, "chat", 0);
    Post("chat")(Chat.prototype, "chat", Object.getOwnPropertyDescriptor(Chat.prototype, "chat"));
    Controller()(Chat);
    class App {}
    Module({ controllers: [Chat] })(App);
    const app = await NestFactory.create(App, { logger: false });
    await app.init();
    app.getHttpServer().${LISTEN};`,
};

const appOf = (name: string, withState: boolean, isSwapped = false) => `
  import { Readable } from "node:stream";
  import { hot } from "tsugi/hot";
  ${isSwapped ? "hot.accept();" : ""}
  ${withState ? 'hot.state("any", { initial: () => 0 });' : ""}
  const HEAD = { "content-type": "text/event-stream", "cache-control": "no-cache" };
  async function* tokens() {
    for (let token = 0; token < ${TOKENS}; token += 1) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      yield token;
    }
  }
  ${APPS[name]}`;

/** As `fetch` and the SDKs read it. */
class Answer {
  text = "";
  isWhole: boolean | undefined;

  constructor(port: number) {
    const options = { port, path: "/chat", method: "POST", host: "127.0.0.1", agent: false };
    const headers = { "content-type": "application/json", accept: "text/event-stream" };
    const request = http.request({ ...options, headers }, (response) => {
      response.setEncoding("utf8").on("data", (chunk) => {
        this.text += chunk;
      });
      response.on("error", () => {});
      response.on("close", () => {
        this.isWhole = response.complete;
      });
    });
    request.on("error", () => {}).end('{"stream":true}');
  }

  begun = () => until("the first tokens", () => this.text.includes("data: 3\n"));
  over = () => until("its end", () => this.isWhole !== undefined);
}

before(installFrameworks);

describe("a streamed answer to a POST arrives whole, through an upgrade and a hand-back", () => {
  for (const name of Object.keys(APPS)) {
    for (const withState of [false, true]) {
      test(`${name}, ${withState ? "with" : "without"} state`, async () => {
        await using bench = new Bench();
        linkFrameworks(bench.folder);
        const source = appOf(name, withState);
        const old = bench.start(source);
        const next = bench.start(source, { boot: { mode: "standby", generation: 2 } });
        const port = await portOf(old);
        await next.event("ready");
        const first = new Answer(port);
        await first.begun();
        await handOff(bench, old, next);
        const second = new Answer(port);
        await second.begun();
        await handBack(bench, old, next);
        await Promise.all([first.over(), second.over()]);
        assert.deepEqual([first.isWhole, second.isWhole], [true, true]);
        assert.deepEqual([first.text, second.text], [ALL, ALL]);
        const { lost, cut = [] } = await next.request({ type: "drain", drainMs: 5_000 });
        assert.deepEqual([lost, cut], [0, []]);
      });
    }

    test(`${name}, by swaps in one process`, async () => {
      await using bench = new Bench();
      linkFrameworks(bench.folder);
      const source = appOf(name, false, true);
      const swapping = await Swapping.start(bench, source);
      const answers: Answer[] = [];
      for (const generation of [1, 2]) {
        const answer = new Answer(await swapping.port);
        answers.push(answer);
        await answer.begun();
        await swapping.loadAs(generation + 1, source);
        await swapping.takeOver(generation, generation + 1, false);
      }
      const ends = [await swapping.leave(1, 5_000), await swapping.leave(2, 5_000)];
      assert.deepEqual(
        answers.map(({ isWhole, text }) => [isWhole, text]),
        answers.map(() => [true, ALL]),
      );
      assert.deepEqual(
        ends.map(({ lost }) => lost),
        [0, 0],
      );
    });
  }
});
