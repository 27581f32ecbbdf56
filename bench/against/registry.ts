/**
 * A release into a registry, out of it and onto a host that has the one before, against skopeo's copies of the
 * same images, both through something that counts bytes; and twenty hosts that follow one tag.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../test/helpers/commands.ts";
import { exampleName, tsugiCli } from "../../test/helpers/example.ts";
import { Host } from "../../test/helpers/host.ts";
import {
  type Registry,
  startFaultyRegistry,
  startRegistry,
  whyNoRegistry,
} from "../../test/helpers/ociRegistry.ts";
import { freePort } from "../../test/helpers/ports.ts";
import { type Bench, untilAnswers } from "../lib/bench.ts";
import { type Step, stepsOf } from "../lib/exampleSteps.ts";
import type { Result } from "../lib/result.ts";
import { elapsedMs } from "../lib/statistics.ts";

const FOLLOWERS = 20;
const FOLLOWED = "feed";

export async function registry(bench: Bench): Promise<Result[]> {
  const missing = await whyNoRegistry();
  if (missing) throw new Error(missing);
  const real = await startRegistry(join(bench.folder, "registry"));
  bench.onEnd(() => real.close());
  process.env.TSUGI_CACHE ??= join(bench.folder, "cache");
  const results: Result[] = [];
  for (const step of Object.values(await stepsOf(join(bench.folder, "steps")))) {
    results.push(...(await moved(bench, real, step)));
  }
  results.push(await followed(bench, real));
  return results;
}

interface Cost {
  bytes: number;
  ms: number;
}

/** What goes through it while `body` runs, up and down. */
async function counted(real: Registry, body: (host: string) => Promise<unknown>): Promise<Cost> {
  let bytes = 0;
  const counting = await startFaultyRegistry(real, {
    now: (_asked, _answer, body) => {
      bytes += body.length;
      return false;
    },
    bytes: (body) => {
      bytes += body.length;
      return body;
    },
  });
  try {
    return { ms: await elapsedMs(() => body(counting.host)), bytes };
  } finally {
    await counting.close();
  }
}

const tsugi = (...args: string[]) => mustRun(process.execPath, [tsugiCli, ...args]);
const skopeo = (...args: string[]) =>
  mustRun("skopeo", ["copy", "--src-tls-verify=false", "--dest-tls-verify=false", ...args]);

async function moved(bench: Bench, real: Registry, { what, from, to }: Step): Promise<Result[]> {
  const folder = mkdtempSync(join(bench.folder, "moved-"));
  const name = `bench/${folder.split("-").at(-1)!.toLowerCase()}`;
  const at = (host: string, kind: string) => `${host}/${name}/${kind}`;
  const own = (host: string) => `oci://${at(host, "tsugi")}`;
  const theirs = (host: string) => `docker://${at(host, "skopeo")}`;
  // The images that skopeo copies: those that tsugi has put into a folder.
  const layout = join(folder, "layout");
  for (const tarball of [from, to]) await tsugi("push", tarball, "--store", layout);
  const [before, after] = [from, to].map((path) => path.split("/").at(-2)!) as [string, string];
  const image = (version: string) => `oci:${layout}:${exampleName}-${version}`;
  await tsugi("push", from, "--store", own(real.host));
  await skopeo(image(before), `${theirs(real.host)}:${before}`);
  const copy = join(folder, "copy");
  await skopeo(`${theirs(real.host)}:${before}`, `oci:${copy}:${before}`);
  const out = join(folder, "pulled");
  await tsugi("pull", `${own(real.host)}:${before}`, "--out", `${out}/`);
  const host = new Host({
    root: mkdtempSync(join(folder, "host-")),
    name: exampleName,
    path: bench.hostPath,
  });
  await host.extract(from);

  const push = await counted(real, (port) => tsugi("push", to, "--store", own(port)));
  const skopeoPush = await counted(real, (port) =>
    skopeo(image(after), `${theirs(port)}:${after}`),
  );
  const pull = await counted(real, (port) =>
    tsugi("pull", `${own(port)}:${after}`, "--out", `${out}/`),
  );
  const skopeoPull = await counted(real, (port) =>
    skopeo(`${theirs(port)}:${after}`, `oci:${copy}:${after}`),
  );
  const unpack = await counted(real, (port) => host.must("unpack", `${own(port)}:${after}`));
  rmSync(folder, { recursive: true });
  return [
    {
      what: `${what}: push`,
      tsugi: costText(push),
      against: `${costText(skopeoPush)} skopeo`,
      outcome: ratio(push, skopeoPush),
    },
    {
      what: `${what}: pull`,
      tsugi: costText(pull),
      against: `${costText(skopeoPull)} skopeo`,
      outcome: ratio(pull, skopeoPull),
    },
    {
      what: `${what}: onto a host`,
      tsugi: costText(unpack),
      against: `${costText(skopeoPull)} skopeo, not unpacked`,
      outcome: ratio(unpack, skopeoPull),
    },
  ];
}

/** From the push of a version until each of them serves it. */
async function followed(bench: Bench, real: Registry): Promise<Result> {
  const project = await bench.projectWithPackages(FOLLOWED);
  const [first, second] = [
    await bench.release(project, FOLLOWED, "1.0.0"),
    await bench.release(project, FOLLOWED, "1.0.1"),
  ];
  const place = `oci://${real.host}/bench/followed`;
  await tsugi("push", first, "--store", place);
  const extracted = join(bench.folder, "followed");
  mkdirSync(extracted);
  await mustRun("tar", ["xzf", first], { cwd: extracted });
  const ports: number[] = [];
  for (let count = 0; count < FOLLOWERS; count += 1) {
    const port = await freePort();
    const root = mkdtempSync(join(bench.folder, "follower-"));
    cpSync(extracted, root, { recursive: true, verbatimSymlinks: true });
    const host = new Host({
      root,
      name: FOLLOWED,
      path: bench.hostPath,
      env: { PORT: String(port) },
    });
    await host.must("start");
    bench.onEnd(() => host.app("stop"));
    const options = { cwd: root, env: host.env, stdio: "ignore" } as const;
    const child = spawn(host.bin, ["follow", place, "--every", "2"], options);
    bench.onEnd(async () => {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
    });
    ports.push(port);
  }
  const cost = await elapsedMs(async () => {
    await tsugi("push", second, "--store", place);
    await Promise.all(ports.map((port) => untilAnswers(port, "1.0.1", 300_000)));
  });
  return {
    what: `${FOLLOWERS} followers of a tag on this machine, until all serve`,
    tsugi: seconds(cost),
    against: "each looks every 2 s",
    outcome: `${seconds(cost / FOLLOWERS)} each`,
  };
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const costText = ({ bytes, ms }: Cost) =>
  `${bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`}, ${seconds(ms)}`;
const ratio = (a: Cost, b: Cost) =>
  `${(a.bytes / Math.max(b.bytes, 1)).toFixed(2)} of the bytes, ${(a.ms / b.ms).toFixed(1)} of the time`;
