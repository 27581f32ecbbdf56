/**
 * Hosts that follow a tag of one registry, Debian's docker-registry: the tag is moved to a good version, to a bad one
 * for a few, to a bad one for all of them, and the registry goes away and comes back. Counted are its requests, and
 * which host tried what.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isAmong } from "../../../src/control/follow/request.ts";
import { OciClient } from "../../../src/oci/client.ts";
import { openStore } from "../../../src/store/index.ts";
import { until } from "../installed.ts";
import { startRegistry } from "../ociRegistry.ts";
import { type Requests, requestsIn } from "./accessLog.ts";
import { usedBy } from "./deployed.ts";
import { playedReleases } from "./documents.ts";
import type { Did, FollowersRequest } from "./followers.ts";

export interface FollowOptions {
  hosts: number;
  everyMs: number;
  upgradeMs: [number, number];
  sharePercent: number;
  /** From the first hand-back until somebody has put the tag back. */
  reactMs: number;
  processes: number;
}

export interface Stage {
  seconds: number;
  requests: Requests;
  tried: number;
  upgraded: number;
  handedBack: number;
  /** From the moment the tag was moved: when the first, the middle and the last host had ended. */
  endedAfter?: [number, number, number];
}

export interface Followed {
  among: number;
  /** All loops begin in the same moment. */
  start: Stage;
  quiet: Stage;
  good: Stage;
  /** A bad version at the tag of `sharePercent` of the hosts. */
  share: Stage;
  /** The same tag, longer than any host waits: nobody tries it again. */
  after: Stage;
  /** A bad version at both tags, put back. */
  all: Stage;
  /** After an absence of the registry. */
  back: Stage;
  /** Which versions run at the end. */
  runs: Record<string, number>;
  registry: { rssMb: number; cpuSeconds: number; seconds: number };
}

const VERSIONS = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] as const;
const ILL = ["1.2.0", "1.3.0"];
/** A little longer than a host waits at most (follow.ts). */
const ROUND = 1.3;

export async function followAll(folder: string, options: FollowOptions): Promise<Followed> {
  const { hosts: count, everyMs, sharePercent, processes } = options;
  mkdirSync(folder, { recursive: true });
  const log = join(folder, "access.log");
  const registry = await startRegistry(join(folder, "registry"), undefined, log);
  const began = performance.now();
  const releases = await playedReleases(folder, [...VERSIONS]);
  const place = `oci://${registry.host}/wall`;
  const names = Array.from({ length: count }, (_, at) => `host${String(at + 1).padStart(4, "0")}`);
  const did: Did[] = [];
  const children: ChildProcess[] = [];
  try {
    const store = await openStore(place);
    for (const { tarball } of releases) await store.push({ source: tarball });
    const tags = await tagsOf(registry.host);
    await tags.move("next", "1.0.0");
    await tags.move("production", "1.0.0");
    const has = releases[0]!.manifest.files.flatMap(({ path }) => folderOf(path));
    for (let at = 0; at < processes; at += 1) {
      const size = Math.ceil(count / processes);
      const request: FollowersRequest = {
        folder: join(folder, "hosts"),
        names: names.slice(at * size, (at + 1) * size),
        releases: Object.fromEntries(releases.map((one) => [one.version, one.releaseId])),
        ...{ place, sharePercent, everyMs, upgradeMs: options.upgradeMs, ill: ILL },
        has: [...new Set(has)],
      };
      mkdirSync(request.folder, { recursive: true });
      children.push(await startFollowers(request, did));
    }
    const among = names.filter((name) => isAmong(sharePercent, name)).length;
    const stage = stages(log, did);
    const longMs = 20 * everyMs + 300_000;
    const done = (what: Did["did"], version: string) =>
      new Set(
        did.filter((one) => one.did === what && one.version === version).map(({ host }) => host),
      ).size;
    const ended = () =>
      did.filter((one) => one.did === "upgraded" || one.did === "handed back").length;
    const tried = () => did.filter((one) => one.did === "tried").length;
    const wait = (what: string, isSo: () => boolean) => until(what, isSo, longMs);
    const allLookAgain = async () => {
      const from = did.length;
      const lookers = () =>
        new Set(did.slice(from).flatMap((one) => (one.did === "looked" ? [one.host] : [])));
      await wait("a look of each host", () => lookers().size === count);
    };

    const start = await stage(async () => {
      for (const child of children) child.send("begin");
      await allLookAgain();
    });
    const quiet = await stage(() => delay(2 * everyMs));
    const good = await stage(async () => {
      await tags.move("next", "1.1.0");
      await tags.move("production", "1.1.0");
      await wait("1.1.0 everywhere", () => done("upgraded", "1.1.0") === count);
    });
    const share = await stage(async () => {
      await tags.move("next", "1.2.0");
      await wait("1.2.0 handed back", () => done("handed back", "1.2.0") === among);
    });
    const after = await stage(() => delay(ROUND * everyMs));
    const all = await stage(async () => {
      const before = ended();
      await tags.move("next", "1.3.0");
      await tags.move("production", "1.3.0");
      await wait("a hand-back", () => ended() > before);
      await delay(options.reactMs);
      await tags.move("next", "1.1.0");
      await tags.move("production", "1.1.0");
      await delay(ROUND * everyMs);
      await wait("the end of every upgrade", () => ended() === tried());
    });
    const used = usedBy(registry.pid())!;
    const seconds = (performance.now() - began) / 1000;
    await registry.stop();
    await delay(2 * everyMs);
    await registry.start();
    const back = await stage(allLookAgain);
    const runs: Record<string, number> = {};
    for (const name of names) {
      const last = did.findLast((one) => one.host === name && one.did === "looked")!;
      runs[last.version] = (runs[last.version] ?? 0) + 1;
    }
    return {
      ...{ among, start, quiet, good, share, after, all, back, runs },
      registry: { ...used, seconds },
    };
  } finally {
    const ended = children.map((child) => once(child, "exit"));
    for (const child of children) child.disconnect();
    await Promise.all(ended);
    await registry.close();
  }
}

const folderOf = (path: string): string[] =>
  /^(?:lib|runtime)\/[^/]+(?=\/)/.exec(path)?.slice(0, 1) ?? [];

/** A tag is another name of a manifest that is there: nothing is copied. */
async function tagsOf(host: string) {
  const client = new OciClient({ host, repository: "wall" });
  const manifests = new Map<string, string>();
  for (const version of VERSIONS) manifests.set(version, (await client.manifest(version))!.bytes);
  return {
    move: async (tag: string, version: string) => {
      await client.putManifest(tag, manifests.get(version)!);
    },
  };
}

function startFollowers(request: FollowersRequest, did: Did[]): Promise<ChildProcess> {
  const program = fileURLToPath(new URL("followers.ts", import.meta.url));
  // What each of a thousand hosts has to say of itself is nobody's to read.
  const child = fork(program, [JSON.stringify(request)], {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "ignore", process.env.TSUGI_SCALE_STDERR ? "inherit" : "ignore", "ipc"],
  });
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`followers ended with ${code}`)));
    child.on("message", (message) => {
      if (message === "ready") resolve(child);
      else did.push(message as Did);
    });
  });
}

/** What was asked, and done, while `body` ran. */
function stages(log: string, did: Did[]) {
  return async (body: () => Promise<unknown>): Promise<Stage> => {
    const [offset, from, at] = [statSync(log).size, did.length, Date.now()];
    await body();
    const now = did.slice(from);
    const hosts = (what: Did["did"]) =>
      new Set(now.filter((one) => one.did === what).map(({ host }) => host)).size;
    const ends = now
      .filter(({ did }) => did === "upgraded" || did === "handed back")
      .map((one) => (one.at - at) / 1000)
      .sort((a, b) => a - b);
    return {
      seconds: (Date.now() - at) / 1000,
      requests: requestsIn(log, offset),
      ...{ tried: hosts("tried"), upgraded: hosts("upgraded"), handedBack: hosts("handed back") },
      ...(ends.length === 0
        ? {}
        : { endedAfter: [ends[0]!, ends[Math.floor(ends.length / 2)]!, ends.at(-1)!] }),
    };
  };
}
