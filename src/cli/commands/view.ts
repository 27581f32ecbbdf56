import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import type { Host } from "../../deploy/index.ts";
import { ownPackage } from "../../pack/ownPackage.ts";
import { isoNow } from "../../platform/clock.ts";
import { planUpgrade } from "../../relup/index.ts";
import type { ViewFacts } from "../../view/facts.ts";
import { gather } from "../../view/gather.ts";
import { page } from "../../view/page.ts";
import type { Viewed } from "../documents.ts";
import { withFleet } from "../fleet.ts";
import { applicationIn, isFolder } from "../neighbourHosts.ts";
import { printLine, printResult } from "../output.ts";
import { manifestAt } from "../places.ts";

/** Upgrades of each host. */
const MOST = 50;
const EVERY_MS = 1_000;

/** What an environment runs, how its last upgrades and deploys went, and how the next would. */
export async function viewCommand(
  name: string | undefined,
  options: ToolOptions<"view">,
): Promise<void> {
  if (isFolder(name)) return show([await applicationIn(name)], name, options);
  await withFleet(name, options, (hosts, environment) => show(hosts, environment.name, options));
}

async function show(hosts: Host[], where: string, options: ToolOptions<"view">): Promise<void> {
  const read = () => readFacts(hosts, where, options);
  if (options.live) return serve(read);
  const facts = await read();
  const file = resolve(options.out);
  await writeFile(file, page(facts, { style: asset("style.css") }));
  printResult<Viewed>({ file, ...facts }, [`Wrote ${options.out}: open it in a browser`]);
}

async function readFacts(
  hosts: Host[],
  environment: string,
  options: ToolOptions<"view">,
): Promise<ViewFacts> {
  const gathered = await Promise.all(hosts.map((host) => gather(host, MOST)));
  const running = gathered.find(({ facts }) => facts?.manifest !== undefined)?.facts?.manifest;
  const wanted =
    options.next === undefined ? undefined : await manifestAt(options.next, options.store);
  return {
    app: hosts[0]!.layout.name,
    environment,
    takenAt: isoNow(),
    hosts: gathered.map(({ host }) => host),
    next: running && wanted ? await planBetween(running, wanted) : undefined,
  };
}

async function planBetween(from: Parameters<typeof planUpgrade>[0], to: typeof from) {
  const isBeam = from.kind === "beam" && to.kind === "beam";
  return isBeam ? (await import("../../beam/index.ts")).planBeam(from, to) : planUpgrade(from, to);
}

/** Until Ctrl-C. */
async function serve(read: () => Promise<ViewFacts>): Promise<void> {
  const { serveLive } = await import("../../view/server.ts");
  const end = new AbortController();
  process.once("SIGINT", () => end.abort());
  const parts = { style: asset("style.css"), script: asset("live.js") };
  const address = await serveLive({ read, parts, everyMs: EVERY_MS, signal: end.signal });
  printLine(`Open ${address}`);
  printLine("It follows what goes on there. Ctrl-C ends it.");
  await new Promise((ended) => end.signal.addEventListener("abort", ended));
}

const asset = (name: string): string =>
  readFileSync(join(ownPackage().folder, "dist", "view", name), "utf8");
