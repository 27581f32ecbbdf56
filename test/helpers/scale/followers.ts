/**
 * A process that plays many hosts that follow, and what it is told over its channel. Each host has the loop of
 * `bin/<app> follow` itself, an install root, and somebody behind its control socket who says what it runs. What is
 * played is the upgrade: `bin/<app> upgrade` (follows.sh) writes a line to this process, which takes the release out
 * of the registry as a host does, waits as long as an upgrade takes, and says how it ends.
 */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer, Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Context } from "../../../src/control/context.ts";
import { follow } from "../../../src/control/follow/follow.ts";
import { isAmong } from "../../../src/control/follow/request.ts";
import { withBrought } from "../../../src/control/fromStore.ts";
import { identityOf } from "../../../src/platform/processes.ts";
import { encodeLine, LineDecoder } from "../../../src/protocol/lines.ts";
import { controlSocketOf, layoutOf } from "../../../src/release/layout.ts";
import { statusOf } from "./documents.ts";
import { scriptAt } from "./sshHosts.ts";

export interface FollowersRequest {
  folder: string;
  names: string[];
  /** `oci://registry/wall`: of `next` and `production`. */
  place: string;
  /** Which hosts follow `next`. */
  sharePercent: number;
  everyMs: number;
  upgradeMs: [number, number];
  /** Version → its releaseId. The first runs everywhere at the beginning. */
  releases: Record<string, string>;
  /** Versions that are unhealthy everywhere. */
  ill: string[];
  /** Folders that a host has of the release that it runs. */
  has: string[];
}

/** What a host has done: was asked what it runs, has begun an upgrade, has ended it. */
export interface Did {
  host: string;
  did: "looked" | "tried" | "upgraded" | "handed back";
  version: string;
  at: number;
}

const EXITS = { upgraded: 0, "handed back": 5 } as const;

const request = JSON.parse(process.argv[2]!) as FollowersRequest;
const { folder, names, place, everyMs, upgradeMs, releases, ill } = request;
const calls = join(folder, `calls.${process.pid}`);
const hosts = new Map<string, { name: string; version: string; context: Context }>();
const end = new AbortController();

const tell = (host: string, did: Did["did"], version: string) =>
  process.send!({ host, did, version, at: Date.now() } satisfies Did);

execFileSync("mkfifo", [calls]);
for (const name of names) make(name);
execFileSync(
  "mkfifo",
  [...hosts.keys()].map((root) => join(root, "run", "verdict")),
);
listen();
process.on("disconnect", leave);
process.once("message", begin);
process.send!("ready");

function make(name: string): void {
  const root = join(folder, name);
  const layout = layoutOf(root, "wall");
  for (const made of [
    layout.binDir,
    layout.run,
    layout.staging,
    ...request.has.map((one) => join(root, one)),
  ]) {
    mkdirSync(made, { recursive: true });
  }
  symlinkSync(scriptAt("follows.sh"), layout.bin);
  symlinkSync(calls, join(layout.run, "calls"));
  writeFileSync(layout.lock, JSON.stringify(identityOf(process.pid)));
  writeFileSync(layout.pid, `${process.pid}\n`);
  const context = { layout, resolvePath: (path: string) => path } as Context;
  const host = { name, version: Object.keys(releases)[0]!, context };
  hosts.set(root, host);
  answer(join(layout.run, controlSocketOf(process.pid)), () => {
    tell(name, "looked", host.version);
    return statusOf({ version: host.version, releaseId: releases[host.version]! });
  });
  symlinkSync(controlSocketOf(process.pid), layout.controlSocket);
}

/** One request a connection, as the control program makes them. */
function answer(path: string, status: () => unknown): void {
  const server = createServer((socket) => {
    const answered = () => socket.end(encodeLine({ event: "done", value: status() }));
    const decoder = new LineDecoder(answered, () => socket.destroy());
    socket.setEncoding("utf8").on("data", (text) => decoder.push(String(text)));
    socket.on("error", () => {});
  });
  server.listen(path);
}

/** Never at its end: this process holds its other end as well. */
function listen(): void {
  const fd = openSync(calls, constants.O_RDWR | constants.O_NONBLOCK);
  let text = "";
  new Socket({ fd, readable: true, writable: false }).setEncoding("utf8").on("data", (more) => {
    const lines = (text + String(more)).split("\n");
    text = lines.pop()!;
    for (const line of lines) upgrade(...(line.split(" ") as [string, string]));
  });
}

async function upgrade(root: string, named: string): Promise<void> {
  const host = hosts.get(root)!;
  const ended = await withBrought(host.context, named, "lacking", async ({ version }) => {
    tell(host.name, "tried", version);
    const [least, most] = upgradeMs;
    await delay(least + Math.random() * (most - least));
    const did = ill.includes(version) ? "handed back" : "upgraded";
    if (did === "upgraded") host.version = version;
    tell(host.name, did, version);
    return EXITS[did];
  }).catch(() => 1);
  giveVerdict(root, ended);
}

function giveVerdict(root: string, exitCode: number): void {
  const verdict = openSync(join(root, "run", "verdict"), constants.O_WRONLY | constants.O_NONBLOCK);
  writeSync(verdict, `${exitCode}\n`);
  closeSync(verdict);
}

/** An upgrade that waits for its verdict would wait for ever. */
function leave(): void {
  for (const root of hosts.keys()) {
    try {
      giveVerdict(root, 1);
    } catch {
      // Nobody waits there.
    }
  }
  process.exit();
}

function begin(): void {
  for (const { name, context } of hosts.values()) {
    const tag = isAmong(request.sharePercent, name) ? "next" : "production";
    const wanted = { place: `${place}:${tag}`, annotation: undefined, everyMs, flags: [] };
    void follow(context, wanted, end.signal);
  }
}
