/** Who is told of trouble, by a real server and a real command. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Notice } from "../../../src/protocol/documents.ts";
import { Mask } from "../../../src/protocol/mask.ts";
import type { NotifySettings } from "../../../src/protocol/settings.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { Notifier } from "../../../src/runtime/supervisor/notify/notifier.ts";
import { freePort } from "../../helpers/ports.ts";
import { eventually } from "../../helpers/wall.ts";

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function listen(t: TestContext, answer: Answer, port = 0): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    answer(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  t.after(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/token`;
}

const PAUSES_MS = [20, 20];

function make(t: TestContext, notify: Partial<NotifySettings>, pausesMs = PAUSES_MS) {
  const root = mkdtempSync(join(tmpdir(), "tsugi-notify-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const mask = new Mask(root);
  mask.learn({ DATABASE_URL: "postgres://secret" });
  const notes: string[] = [];
  const settings = { timeoutMs: 10_000, ...notify };
  const notifier = new Notifier({
    layout: layoutOf(root, "app"),
    env: { PATH: process.env.PATH! },
    note: (text) => notes.push(text),
    serving: () => ({ version: "1.0.0", notify: settings }),
    ...{ mask, pausesMs },
  });
  t.after(() => notifier.end());
  const noted = (pattern: RegExp) =>
    eventually(`${pattern} is in the log`, () => notes.some((line) => pattern.test(line)));
  return { notifier, root, notes, noted };
}

const LOOP = { text: "jobs.0 keeps crashing: no postgres://secret", worker: "jobs.0" };

test("a URL is posted one document, without a secret's value", async (t) => {
  const posted: { type: string | undefined; notice: Notice }[] = [];
  const url = await listen(t, (request, response, body) => {
    posted.push({ type: request.headers["content-type"], notice: JSON.parse(body) as Notice });
    response.writeHead(204).end();
  });
  const { notifier, root, notes, noted } = make(t, { url });
  notifier.tell("crash-loop", { ...LOOP, lastWords: ["Error: postgres://secret"] });
  await noted(/told of crash-loop/);
  const [{ type, notice }] = posted as [(typeof posted)[number]];
  assert.equal(type, "application/json");
  assert.deepEqual(
    [notice.format, notice.event, notice.name, notice.version, notice.root, notice.worker],
    [1, "crash-loop", "app", "1.0.0", root, "jobs.0"],
  );
  assert.equal(notice.text, "jobs.0 keeps crashing: no ***");
  assert.deepEqual(notice.lastWords, ["Error: ***"]);
  assert.ok(notes.every((line) => !line.includes("token")));
});

test("a command has it on its stdin, and what it prints is in the log", async (t) => {
  const { notifier, root, noted } = make(t, { command: "cat > told.json; echo by mail" });
  notifier.tell("handed-back", { text: "upgrade 1 → 2: handed back", code: "TSUGI_UNHEALTHY" });
  await noted(/notify\.command: by mail/);
  await noted(/told of handed-back/);
  const notice = JSON.parse(readFileSync(join(root, "told.json"), "utf8")) as Notice;
  assert.deepEqual([notice.event, notice.code], ["handed-back", "TSUGI_UNHEALTHY"]);
});

test("one that reads nothing, hangs or fails is tried again, then given up", async (t) => {
  const hangs = make(t, { command: "sleep 600", timeoutMs: 100 }, [20]);
  hangs.notifier.tell("disk-full", { text: "x".repeat(200_000) });
  await hangs.noted(/disk-full: not done within 100 ms; again in 0\.02 s/);
  await hangs.noted(/given up/);
  const fails = make(t, { command: "exit 3" }, [20]);
  fails.notifier.tell("disk-full", { text: "full" });
  await fails.noted(/exit code 3.*given up/);
});

test("a server that is down is told when it is back", async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const { notifier, noted } = make(t, { url }, Array(200).fill(20));
  notifier.tell("gave-up", { text: "gone" });
  await noted(/ECONNREFUSED/);
  await listen(t, (_request, response) => response.end(), port);
  await noted(/told of gave-up/);
});

test("a slow server costs one attempt; a refusal is final, trouble of its own is not", async (t) => {
  const answers: Answer[] = [
    () => {},
    (_request, response) => response.writeHead(503).end(),
    (_request, response) => response.writeHead(404).end(),
  ];
  const url = await listen(t, (request, response, body) => {
    answers.shift()!(request, response, body);
  });
  const { notifier, notes, noted } = make(t, { url, timeoutMs: 300 });
  notifier.tell("crash-loop", LOOP);
  await noted(/404; given up/);
  assert.match(notes[0]!, /no answer within 300 ms; again/);
  assert.match(notes[1]!, /it answered 503; again/);
});

test("the same trouble is told once an hour; much at once is bounded, and said", async (t) => {
  let answered = 0;
  let isOpen = false;
  const url = await listen(t, (_request, response) => {
    answered += 1;
    response.writeHead(isOpen ? 200 : 503).end();
  });
  const { notifier, notes, noted } = make(t, { url }, Array(1_000).fill(20));
  notifier.tell("crash-loop", LOOP, "jobs.0");
  notifier.tell("crash-loop", LOOP, "jobs.0");
  for (let times = 0; times < 30; times += 1) notifier.tell("handed-back", { text: "back" });
  await noted(/handed-back is not told: too much waits/);
  isOpen = true;
  await notifier.settle(30_000);
  const told = notes.filter((line) => line.includes("told of"));
  assert.equal(told.length, 20);
  assert.equal(told.filter((line) => line.includes("crash-loop")).length, 1);
  assert.ok(answered >= 20);
});

test("nobody is waited for longer than was said, and the end of the service ends it", async (t) => {
  const url = await listen(t, () => {});
  const { notifier, root, notes } = make(t, { url, command: "sleep 600; touch late" });
  notifier.tell("gave-up", { text: "gone" });
  const begun = performance.now();
  await notifier.settle(50);
  assert.ok(performance.now() - begun < 5_000);
  notifier.end();
  assert.match(notes.at(-1)!, /2 not told, because the service ends/);
  assert.ok(!existsSync(join(root, "late")));
});

test("without the setting nothing is done", async (t) => {
  const { notifier, notes } = make(t, {});
  notifier.tell("gave-up", { text: "gone" });
  await notifier.settle(10_000);
  assert.deepEqual(notes, []);
});
