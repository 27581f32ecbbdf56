/** What has to be made, how large it is, and what has to travel when one line has changed. */

import { appendFileSync, cpSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildsIn } from "../../src/release/layout.ts";
import { mustRun } from "../../test/helpers/commands.ts";
import { findProgram, needPrograms } from "../../test/helpers/debian.ts";
import { installPackages, tsugiCli } from "../../test/helpers/example.ts";
import { ALL, type Arena } from "../contestants/arena.ts";
import { Otp } from "../contestants/otp.ts";
import { copySource, editSource } from "../contestants/source.ts";
import type { Bench } from "../lib/bench.ts";
import { bytes, makeRow, seconds } from "../lib/row.ts";
import type { Section } from "../lib/section.ts";
import { elapsedMs } from "../lib/statistics.ts";

const ROUNDS = 3;
const APP = "feed";
const UNBUILT = "nothing is built: sources and packages go as they are";
const NO_RUNTIME = "Node not included: it has to be on the host";

export async function build(bench: Bench, arena: Arena): Promise<Section> {
  const project = await arena.project();
  const plain: Promise<Record<string, number>>[] = [];
  const outcomes = await arena.measure(
    ALL,
    bench.isShort ? 1 : ROUNDS,
    (contestant, round) => {
      const folder = join(bench.folder, "build", `${contestant.name}-${round}`);
      mkdirSync(folder, { recursive: true });
      if (contestant.name === "tsugi") return release(bench, project, folder, round === 0);
      if (contestant instanceof Otp) return otpRelease(contestant, round);
      // The same for the three that have no artefact.
      plain[round] ??= plainFolder(project, folder);
      return plain[round];
    },
    { start: false },
  );
  const unbuilt = { node: UNBUILT, pm2: UNBUILT, nginx: UNBUILT };
  const noRuntime = { node: NO_RUNTIME, pm2: NO_RUNTIME, nginx: NO_RUNTIME };
  const inRelease = "they are in the release";
  return {
    rows: [
      ...(bench.isShort
        ? []
        : [
            makeRow(outcomes, {
              what: "build, cold",
              meaning: "with an empty cache: Node is fetched and compressed; once",
              quantity: "coldMs",
              format: seconds,
              none: { ...unbuilt, otp: "has no cache: the same as warm" },
            }),
          ]),
      makeRow(outcomes, {
        what: "build, warm",
        meaning: "one line has changed since the last one",
        quantity: "warmMs",
        format: seconds,
        none: unbuilt,
      }),
      makeRow(outcomes, {
        what: "packages on the host",
        meaning: "npm ci, its cache warm; this service has one package",
        quantity: "installMs",
        format: seconds,
        none: { tsugi: inRelease, otp: inRelease },
      }),
      makeRow(outcomes, {
        what: "artefact",
        meaning: "what a host without the service is sent, compressed",
        quantity: "artefactBytes",
        format: bytes,
        notes: noRuntime,
      }),
      makeRow(outcomes, {
        what: "for a one-line change",
        meaning: "tsugi delta; rsync -az of the folder; the tarball that release_handler unpacks",
        quantity: "changeBytes",
        format: bytes,
      }),
    ],
  };
}

async function release(bench: Bench, project: string, folder: string, isCold: boolean) {
  const own = copySource(project, join(folder, "project"));
  // Each cold one takes long: there is one, and the others find what it has left.
  const env = { ...process.env, TSUGI_CACHE: join(bench.folder, "build-cache") };
  const run = (version: string) => {
    const args = [tsugiCli, "release", "--version", version];
    return mustRun(process.execPath, args, {
      cwd: own,
      timeoutMs: 300_000,
      ...(bench.isShort ? {} : { env }),
    });
  };
  const coldMs = await elapsedMs(() => run("1.0.0"));
  editSource(own, "1.0.1");
  const warmMs = await elapsedMs(() => run("1.0.1"));
  const tarball = (version: string) =>
    join(buildsIn(own), APP, "releases", version, `${APP}.tar.gz`);

  const host = await bench.install(APP, tarball("1.0.0"));
  const inventory = join(folder, "inventory.json");
  writeFileSync(inventory, (await host.must("inventory", "--json")).stdout);
  const out = join(folder, "delta");
  const args = [tsugiCli, "delta", tarball("1.0.1"), "--inventory", inventory, "--out", out];
  await mustRun(process.execPath, args);
  const artefactBytes = statSync(tarball("1.0.0")).size;
  return { ...(isCold ? { coldMs } : {}), warmMs, artefactBytes, changeBytes: statSync(out).size };
}

/** Versions of their own, which nobody runs. */
async function otpRelease(otp: Otp, round: number) {
  const version = (change: number) => `0.${round + 1}.${change}`;
  const artefactBytes = statSync(await otp.build(version(0))).size;
  let tarball = "";
  const warmMs = await elapsedMs(async () => {
    tarball = await otp.build(version(1), version(0));
  });
  return { warmMs, artefactBytes, changeBytes: statSync(tarball).size };
}

async function plainFolder(project: string, folder: string) {
  await needPrograms("rsync");
  const [before, after] = [join(folder, "before"), join(folder, "after")];
  cpSync(project, before, { recursive: true, verbatimSymlinks: true });
  const installMs = await elapsedMs(() => installPackages(before));
  cpSync(before, after, { recursive: true });
  appendFileSync(join(after, "server.js"), "// one more line\n");
  const packed = join(folder, "packed.tar.gz");
  await mustRun("tar", ["czf", packed, "-C", before, "."]);
  const args = ["-az", "--no-whole-file", "--stats", `${after}/`, `${before}/`];
  const { stdout } = await mustRun(findProgram("rsync")!, args);
  return { installMs, artefactBytes: statSync(packed).size, changeBytes: movedBytes(stdout) };
}

/** What `rsync --stats` says of both directions. */
export function movedBytes(stats: string): number {
  const [sent, received] = ["sent", "received"].map((direction) => {
    const found = new RegExp(`Total bytes ${direction}: ([\\d,]+)`).exec(stats);
    return Number(found![1]!.replaceAll(",", ""));
  });
  return sent! + received!;
}
