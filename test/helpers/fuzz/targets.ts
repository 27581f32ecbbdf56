/**
 * What is offered spoilt texts, and the one promise that each is held to: a text is refused by an
 * error of the registry, or ignored, or taken, and then what it has become is whole.
 */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { checkConfig } from "../../../src/config/load.ts";
import { ERRORS, TsugiError } from "../../../src/contract/errors.ts";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import { readHostSettings } from "../../../src/handler/settings.ts";
import { checkControlRequest } from "../../../src/protocol/controlRequest.ts";
import { LineDecoder } from "../../../src/protocol/lines.ts";
import { DEFAULT_SETTINGS } from "../../../src/protocol/settings.ts";
import { wholeWorkerEvent } from "../../../src/protocol/workerEvent.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { isSafePath, parseManifest } from "../../../src/release/manifest.ts";
import { isReleaseStatus } from "../../../src/release/status.ts";
import { planUpgrade } from "../../../src/relup/index.ts";
import { ControlServer } from "../../../src/runtime/supervisor/controlServer.ts";
import { WorkerHandle } from "../../../src/runtime/supervisor/workerHandle.ts";
import { handmadeRelease, temporaryFolder, writeTarball } from "../handmadeRelease.ts";

export interface FuzzTarget {
  /** Texts that are taken: what is spoilt. */
  seeds: string[];
  /** Throws when the promise is broken. @returns why it was refused, or "" */
  offer(text: string): Promise<string>;
  close(): Promise<void>;
}

export const TARGETS: Record<string, () => Promise<FuzzTarget>> = {
  manifest,
  registry,
  settings,
  control,
  worker,
  config,
};

/** @returns the error, without what differs from text to text; anything but one of the registry is thrown on */
async function refusal(act: () => unknown): Promise<string> {
  try {
    await act();
    return "";
  } catch (error) {
    if (!(error instanceof TsugiError) || error.code === "TSUGI_INTERNAL") throw error;
    assert.ok(error.code in ERRORS && error.exitCode > 0, error.code);
    assert.doesNotMatch(error.message, /\[object|NaN/);
    return kindOf(error);
  }
}

/** The code, and of the message the words that are tsugi's own. */
function kindOf({ code, message }: { code: string; message: string }): string {
  const words = message.replace(/"[^"]*"|'[^']*'|`[^`]*`|\S*[/\d\P{ASCII}_]\S*/gsu, "…");
  return `${code}: ${words.replaceAll(/\s+/g, " ").slice(0, 160)}`;
}

const closed = async () => {};

/** `release.json`, as a host reads it, and the plan from one that is whole. */
async function manifest(): Promise<FuzzTarget> {
  const seed = handmadeRelease("0.0.2");
  const from = handmadeRelease("0.0.1").manifest;
  return {
    seeds: [seed.manifestBytes],
    offer: (text) =>
      refusal(() => {
        const taken = parseManifest(text, "release.json");
        assert.ok(taken.files.every(({ path }) => isSafePath(path)));
        const plan = planUpgrade(from, taken, {
          supervisorNode: "20.20.0",
          environmentChanged: false,
          refusesSwap: undefined,
        });
        assert.equal(typeof plan.strategy, "string");
      }),
    close: closed,
  };
}

/** `releases/RELEASES.json` and `releases/permanent`: the first line says which of them the rest is. */
async function registry(): Promise<FuzzTarget> {
  const folder = temporaryFolder();
  const layout = layoutOf(folder.at("root"), "wall");
  mkdirSync(layout.releases, { recursive: true });
  const handler = createReleaseHandler(layout);
  for (const version of ["0.0.1", "0.0.2"]) {
    const source = await writeTarball(folder.at("a.tar.gz"), handmadeRelease(version));
    await handler.unpack({ source });
    await handler.install(version);
    await handler.commit(version);
  }
  const paths = { registry: layout.releaseList, permanent: layout.permanent };
  const whole = Object.values(paths).map((path) => [path, readFileSync(path, "utf8")] as const);
  return {
    seeds: Object.entries(paths).map(([name, path]) => `${name}\n${readFileSync(path, "utf8")}`),
    async offer(text) {
      const end = text.indexOf("\n");
      const isPermanent = text.slice(0, end) === "permanent";
      writeFileSync(isPermanent ? paths.permanent : paths.registry, text.slice(end + 1));
      try {
        const asked = [
          () => handler.list(),
          () => handler.rollbackTarget(),
          () => handler.permanent(),
          () => handler.recover(),
        ];
        const refusals: string[] = [];
        for (const ask of asked) refusals.push(await refusal(ask));
        if (refusals[0] === "") {
          const { releases } = await handler.list();
          assert.deepEqual(releases.map(({ version }) => version).sort(), ["0.0.1", "0.0.2"]);
          assert.ok(releases.every(({ status }) => isReleaseStatus(status)));
        }
        return refusals.join(" ").trim();
      } finally {
        for (const [path, before] of whole) writeFileSync(path, before);
        const left = readdirSync(layout.releases).filter((name) => !name.startsWith("."));
        assert.deepEqual(left.sort(), LEFT);
      }
    },
    close: async () => folder[Symbol.dispose](),
  };
}

const LEFT = ["0.0.1", "0.0.2", "RELEASES.json", "permanent"];

/** `etc/config.json`, `etc/env`, `etc/node.args`: the first line says which. */
async function settings(): Promise<FuzzTarget> {
  const folder = temporaryFolder();
  const layout = layoutOf(folder.path, "wall");
  mkdirSync(layout.etc);
  const paths: Record<string, string> = {
    config: layout.etcConfig,
    env: layout.etcEnv,
    args: layout.etcNodeArgs,
  };
  const config = {
    health: { path: "/", port: 1, intervalMs: 9 },
    timeouts: { readyMs: 1, drainMs: 0 },
  };
  return {
    seeds: [
      `config\n${JSON.stringify({ ...config, restarts: { max: 1 }, logs: { keep: 1 } })}`,
      `env\nexport A=1\n# no\nB='x y' # yes\nC="a\\n\\"b\nc"\n`,
      "args\n--max-old-space-size=64\n# no\n",
    ],
    async offer(text) {
      const end = text.indexOf("\n");
      const path = paths[text.slice(0, end)] ?? layout.etcConfig;
      writeFileSync(path, text.slice(end + 1), { mode: 0o600 });
      try {
        return await refusal(async () => {
          const read = await readHostSettings(layout, "0.0.1");
          for (const value of Object.values(read.env)) assert.equal(typeof value, "string");
          const { timeouts } = read.settings;
          for (const key of Object.keys(DEFAULT_SETTINGS.timeouts) as (keyof typeof timeouts)[]) {
            assert.ok(Number.isSafeInteger(timeouts[key]), key);
          }
        });
      } finally {
        rmSync(path, { force: true });
      }
    },
    close: async () => folder[Symbol.dispose](),
  };
}

const REQUESTS = [
  { format: 1, verb: "ping" },
  { format: 1, verb: "upgrade", version: "1.0.0", direction: "upgrade", options: { force: true } },
  { format: 1, verb: "unpack", version: "1.0.0", source: "/x.tar.gz", force: false, delta: true },
  { format: 1, verb: "remove", version: "1.0.0" },
  { format: 1, verb: "prune", keep: 5 },
  { format: 1, verb: "rpc", expression: "1", process: "main", slot: 0 },
  { format: 1, verb: "console", terminal: true, columns: 80 },
  { format: 1, verb: "consoleInput", data: "1\n" },
];

/** A control socket: whatever comes, there is one answer, and the next client has one too. */
async function control(): Promise<FuzzTarget> {
  const folder = temporaryFolder();
  const before = process.cwd();
  const heeded: unknown[] = [];
  const server = new ControlServer(async (request, client) => {
    client.onRequest((later) => heeded.push(later));
    return { verb: request.verb };
  });
  // The socket is bound by its name in the working directory, as in run/.
  process.chdir(folder.path);
  await server.listen();
  process.chdir(before);
  const path = folder.at(`control.${process.pid}.sock`);
  return {
    seeds: REQUESTS.map((request) => `${JSON.stringify(request)}\n`),
    async offer(text) {
      const answer = await converse(path, text);
      const ends = answer.filter(({ event }) => event === "done" || event === "error");
      assert.ok(ends.length <= 1, "answered more than once");
      for (const request of heeded.splice(0)) checkControlRequest(request);
      const { error } = ends[0] ?? {};
      if (error === undefined) return ends.length === 0 ? "no whole line" : "";
      assert.ok(error.code in ERRORS && error.code !== "TSUGI_INTERNAL", JSON.stringify(error));
      return kindOf(error);
    },
    async close() {
      await server.close();
      folder[Symbol.dispose]();
    },
  };
}

type Answer = { event: string; error?: { code: string; message: string } };

const HUNG_MS = 10_000;

/** Says it, ends its side, and hears what comes until the other side ends. */
function converse(path: string, text: string): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const answers: Answer[] = [];
    const decoder = new LineDecoder((value) => answers.push(value as Answer), reject);
    const socket = net.connect(path).setEncoding("utf8");
    socket.setTimeout(HUNG_MS, () => socket.destroy(new Error("no answer, and no end")));
    socket.on("data", (chunk) => decoder.push(String(chunk)));
    // It may have heard enough before we have said everything.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (!["EPIPE", "ECONNRESET"].includes(error.code ?? "")) reject(error);
    });
    socket.on("close", () => resolve(answers));
    socket.end(text);
  });
}

const KEY = { family: 4, address: null, port: 4000, ordinal: 0 };
const ERROR = { code: "TSUGI_LOAD_FAILED", message: "m", hint: "h", exitCode: 4 };
const EVENTS = [
  { type: "reply", id: 1, value: null },
  { type: "reply", id: 2, error: ERROR, holders: [{ kind: "hook", name: "x", ageMs: 1 }] },
  { type: "listen", id: 1, key: KEY, backlog: 511, flags: 0 },
  { type: "unlisten", key: KEY },
  { type: "claim", key: KEY },
  { type: "ready", states: [{ name: "s", version: 1, upgradesFrom: [], downgradesFrom: [] }] },
  { type: "failed", error: ERROR },
  { type: "connection", meta: { kind: "http", key: KEY, quietSinceMs: 1 } },
  { type: "adopted", connections: [{ kind: "http", quietMs: 1, waited: false }] },
  { type: "consoleOutput", session: 1, data: "x" },
  { type: "consoleClosed", session: 1 },
  { type: "lateAccess", state: "s" },
  { type: "notice", text: "x" },
];

/** What a worker may say: the handle of a worker takes it or does not hear it, and never throws. */
async function worker(): Promise<FuzzTarget> {
  const boot = { process: "main", slot: 0, generation: 1 } as never;
  return {
    seeds: EVENTS.map((event) => JSON.stringify(event)),
    async offer(text) {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        return "no JSON";
      }
      const event = wholeWorkerEvent(value);
      if (event === undefined) return "ignored";
      const events = new EventEmitter();
      const channel = {
        pid: 1,
        send: () => {},
        kill: () => {},
        onEvent: (listener: (...parts: unknown[]) => void) => events.on("event", listener),
        onOutput: () => {},
        outputEnded: Promise.resolve(),
        onExit: () => {},
      };
      const handle = new WorkerHandle(channel as never, boot);
      const asked = handle
        .request({ type: "thaw" } as never, { timeoutMs: 60_000 })
        .catch(() => {});
      events.emit("event", event, undefined);
      events.emit("event", { type: "reply", id: 1, value: null }, undefined);
      await asked;
      return "";
    },
    close: closed,
  };
}

/** `tsugi.config.ts`, as far as it is data. */
async function config(): Promise<FuzzTarget> {
  const seed = {
    name: "wall",
    version: "git",
    entry: "src/server.ts",
    build: "compile",
    files: ["public/**"],
    runtime: { node: "24.21.0", from: "npm" },
    processes: { web: { entry: "a.ts", workers: 2, overlap: true }, jobs: { entry: "b.ts" } },
    nodeArgs: ["--max-old-space-size=512"],
    health: { path: "/healthz", port: 4000, intervalMs: 500, healthyAfter: 2 },
    timeouts: { readyMs: 30_000 },
    secrets: { allow: [{ file: "a", reason: "b" }] },
    appup: { before: [{ run: ["true"] }] },
    environments: {
      production: { hosts: ["app1", { host: "app2", port: 22 }], root: "/srv/wall" },
    },
  };
  return {
    seeds: [JSON.stringify(seed)],
    offer: (text) =>
      refusal(async () => {
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch {
          return;
        }
        await checkConfig(value, "tsugi.config.ts");
      }),
    close: closed,
  };
}
