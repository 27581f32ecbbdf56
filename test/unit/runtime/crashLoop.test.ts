/** What a supervisor makes of workers that crash; the workers are only told about. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { TsugiError } from "../../../src/contract/errors.ts";
import { Mask } from "../../../src/protocol/mask.ts";
import { overlaySettings } from "../../../src/protocol/settings.ts";
import type { WorkerBoot, WorkerEvent } from "../../../src/protocol/worker.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import type { Manifest, ManifestProcess } from "../../../src/release/manifest.ts";
import { Generation } from "../../../src/runtime/supervisor/generation.ts";
import { ListenerTable } from "../../../src/runtime/supervisor/listeners.ts";
import { Log } from "../../../src/runtime/supervisor/log/log.ts";
import { Supervisor, type SupervisorParts } from "../../../src/runtime/supervisor/supervisor.ts";
import type { WorkerChannel } from "../../../src/runtime/supervisor/workerChannel.ts";
import { WorkerHandle } from "../../../src/runtime/supervisor/workerHandle.ts";
import { eventually } from "../../helpers/wall.ts";

/** The supervisor's end of a worker that this test plays. */
class Played {
  #event: (event: WorkerEvent) => void = () => {};
  #output: (stream: "stdout" | "stderr", chunk: Buffer) => void = () => {};
  #exit: (code: number) => void = () => {};
  #ended: () => void = () => {};
  readonly channel: WorkerChannel;

  constructor() {
    const outputEnded = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    this.channel = {
      pid: 0,
      send: () => {},
      kill: () => {},
      onEvent: (listener) => {
        this.#event = (event) => listener(event, undefined);
      },
      onOutput: (listener) => {
        this.#output = listener;
      },
      outputEnded,
      onExit: (listener) => {
        this.#exit = (code) => listener({ code, signal: null });
      },
    };
  }

  ready(): void {
    this.#event({ type: "ready", states: [], usesHot: false } as unknown as WorkerEvent);
  }

  crash(words: string): void {
    this.#exit(7);
    this.#output("stderr", Buffer.from(words));
    this.#ended();
  }
}

class PlayedGeneration extends Generation {
  /** Of each process the one that was started last. */
  readonly played = new Map<string, Played>();

  override spawn(process: ManifestProcess, slot: number): WorkerHandle {
    const played = new Played();
    this.played.set(process.name, played);
    const boot = { name: "app", version: "1.0.0", process: process.name, slot, generation: 1 };
    return new WorkerHandle(played.channel, boot as WorkerBoot);
  }
}

function make(t: TestContext, restarts: object, processes = ["web", "jobs"]) {
  const root = mkdtempSync(join(tmpdir(), "tsugi-crash-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const layout = layoutOf(root, "app");
  const lines: string[] = [];
  const target = {
    batchBytes: 1,
    write: async (bytes: Buffer) => {
      lines.push(String(bytes));
      return bytes.length;
    },
    close: async () => {},
  };
  const mask = new Mask(root);
  mask.learn({ DATABASE_URL: "postgres://secret" });
  const told: { event: string; text: string; lastWords?: string[] | undefined }[] = [];
  const gaveUp: { error: TsugiError; lastWords: string[] }[] = [];
  const supervisor = new Supervisor({
    layout,
    log: new Log(target, { format: "plain" }),
    listeners: new ListenerTable([]),
    mask,
    onServe: () => {},
    notifier: { tell: (event: string, what: object) => told.push({ event, ...what } as never) },
    onGiveUp: (error: TsugiError, lastWords: string[]) => gaveUp.push({ error, lastWords }),
  } as unknown as SupervisorParts);
  const manifest = {
    ...{ name: "app", version: "1.0.0", files: [] },
    processes: processes.map((name) => ({ name, entry: "x.js", workers: 1 })),
  } as unknown as Manifest;
  const settings = overlaySettings({ restarts });
  const plan = { number: 1, manifest, releaseId: "", previous: null, strategy: "start" };
  const generation = new PlayedGeneration(
    { ...plan, host: { settings, env: {}, nodeArgs: [], etcHash: "" } } as never,
    layout,
    {},
  );
  supervisor.serve(generation);
  supervisor.slots.spawn(generation, "active");
  for (const worker of generation.played.values()) worker.ready();
  supervisor.enter("serving");
  // No timer of a restart may outlive the test.
  t.after(() => supervisor.serve(generation));
  /** Crashes, and is there again. */
  const crash = async (name: string) => {
    const before = generation.played.get(name)!;
    before.crash("Error: boom\n    at here\n");
    await eventually(`${name} is started again`, () => generation.played.get(name) !== before);
    generation.played.get(name)!.ready();
  };
  const slotOf = (name: string) => generation.slots.find(({ process }) => process.name === name)!;
  return { supervisor, generation, gaveUp, told, lines, crash, slotOf };
}

const RESTARTS = { max: 1, withinMs: 60_000 };

test("one that keeps crashing is started again later each time, while another serves", async (t) => {
  const { supervisor, generation, gaveUp, lines, crash, slotOf } = make(t, RESTARTS);
  await crash("jobs");
  assert.equal(supervisor.slots.crashOf(slotOf("jobs"))?.keepsCrashing, false);
  generation.played.get("jobs")!.crash("Error: boom\n    at here\n");
  const found = await eventually("it has spoken", () => {
    const crashed = supervisor.slots.crashOf(slotOf("jobs"))!;
    return crashed.lastWords.length > 0 ? crashed : undefined;
  });
  assert.equal(found.keepsCrashing, true);
  assert.equal(found.why, "it exited with code 7");
  assert.deepEqual(found.lastWords, ["Error: boom", "    at here"]);
  assert.equal(Date.parse(found.nextAt!) - Date.parse(found.at), 1_000);
  assert.equal(supervisor.slots.crashOf(slotOf("web")), undefined);
  const said = () => lines.some((line) => /jobs\.0 keeps crashing: .* again in 1 s/.test(line));
  await eventually("it is in the log", said);
  const { worker } = slotOf("jobs");
  await eventually("it is started again", () => slotOf("jobs").worker !== worker);
  generation.played.get("jobs")!.ready();
  assert.equal(supervisor.slots.crashOf(slotOf("jobs"))!.nextAt, undefined);
  assert.equal(slotOf("jobs").restarts, 2);
  assert.equal(gaveUp.length, 0);
});

test("somebody is told when one begins to crash again and again, once", async (t) => {
  const { generation, told, crash } = make(t, RESTARTS);
  await crash("jobs");
  await crash("jobs");
  await eventually("it is told", () => told.length > 0);
  const [{ event, text, lastWords }] = told as [(typeof told)[number]];
  assert.equal(event, "crash-loop");
  assert.match(text, /^jobs\.0 keeps crashing: it exited with code 7; the others serve$/);
  assert.deepEqual(lastWords, ["Error: boom", "    at here"]);
  generation.played.get("jobs")!.crash("");
  await new Promise(setImmediate);
  assert.equal(told.length, 1);
});

test("when the last that was well crashes too often, it gives up, with its last words", async (t) => {
  const { generation, gaveUp, crash } = make(t, RESTARTS);
  await crash("jobs");
  await crash("jobs");
  await crash("web");
  assert.equal(gaveUp.length, 0);
  generation.played.get("web")!.crash("Error: no postgres://secret\n");
  await eventually("it gives up", () => gaveUp.length > 0);
  const { error, lastWords } = gaveUp[0]!;
  assert.equal(error.code, "TSUGI_GAVE_UP");
  assert.match(
    error.message,
    /^web crashed 2 times .* exited with code 7; its last words: Error: no \*\*\*/,
  );
  assert.deepEqual(lastWords, ["Error: no ***"]);
  generation.played.get("jobs")!.crash("");
  assert.equal(gaveUp.length, 1);
});

test("a release of one process gives up as ever", async (t) => {
  const { generation, gaveUp, crash } = make(t, RESTARTS, ["main"]);
  await crash("main");
  generation.played.get("main")!.crash("");
  await eventually("it gives up", () => gaveUp.length > 0);
  assert.match(gaveUp[0]!.error.message, /it exited with code 7\.$/);
});

test("restarts.escalate: one that crashes too often ends the release", async (t) => {
  const { generation, gaveUp, crash } = make(t, { ...RESTARTS, escalate: true });
  await crash("jobs");
  generation.played.get("jobs")!.crash("");
  await eventually("it gives up", () => gaveUp.length > 0);
  assert.match(gaveUp[0]!.error.message, /^jobs crashed 2 times/);
});

test("one that was ended because it did not load says why", async (t) => {
  const { supervisor, generation, crash, slotOf } = make(t, { max: 5, withinMs: 60_000 });
  await crash("jobs");
  slotOf("jobs").worker.failure = "it did not load: no postgres://secret";
  generation.played.get("jobs")!.crash("");
  assert.equal(supervisor.slots.crashOf(slotOf("jobs"))!.why, "it did not load: no ***");
});

test("one that waits for its restart is started at once when an upgrade has gone back", async (t) => {
  const { supervisor, generation, crash, slotOf } = make(t, RESTARTS);
  await crash("jobs");
  generation.played.get("jobs")!.crash("");
  supervisor.enter("upgrading");
  const { worker } = slotOf("jobs");
  assert.equal(worker.declared, undefined);
  supervisor.enter("serving");
  supervisor.slots.ensure();
  assert.notEqual(slotOf("jobs").worker, worker);
  assert.equal(supervisor.slots.crashOf(slotOf("jobs"))!.nextAt, undefined);
});
