/** Upgrades the demo's service under its load, and draws what the terminal and the page show of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openBrowser } from "../../test/helpers/browser.ts";
import { mustRun } from "../../test/helpers/commands.ts";
import {
  buildRelease,
  copyExample,
  exampleName,
  installPackages,
  projectRoot,
  tsugiCli,
} from "../../test/helpers/example.ts";
import { Host, makeHostPath } from "../../test/helpers/host.ts";
import { freePort } from "../../test/helpers/ports.ts";
import { AdmiralWorkload, startTraffic, type Traffic } from "../../test/helpers/traffic/index.ts";
import { type Recording, recordingSvg } from "./recording.ts";

const CLIENTS = { newConnection: 4, keepAlive: 8, webSockets: 20 };
const ANSWERS_BETWEEN = 300;
const SAMPLE_MS = 250;
const PAGE = { width: 860, height: 1010 };
/** Where it would be, were it not a folder that is removed afterwards. */
const SHOWN_ROOT = `/srv/${exampleName}`;

const pictures = join(projectRoot, "docs", "pictures");
const folder = mkdtempSync(join(tmpdir(), "tsugi-pictures-"));

async function build(version: string): Promise<string> {
  const copy = copyExample(version, join(folder, version));
  await installPackages(copy);
  return (await buildRelease(copy, version)).tarball;
}

/** Runs a command of bin/<app>, and notes when each line of it came and what clients had seen by then. */
async function record(host: Host, args: string[], traffic: Traffic): Promise<Recording> {
  const startedAt = performance.now();
  const lines: Recording["lines"] = [];
  const samples: Recording["samples"] = [];
  const sum = (key: "answered" | "refused" | "reset" | "wrong" | "unanswered" | "reconnected") =>
    traffic.tallies.reduce((all, { counts }) => all + counts[key], 0);
  const sample = () =>
    samples.push({
      atMs: performance.now() - startedAt,
      answered: sum("answered"),
      failed: sum("refused") + sum("reset") + sum("wrong") + sum("unanswered"),
      reconnected: sum("reconnected"),
    });
  sample();
  const timer = setInterval(sample, SAMPLE_MS);
  const child = spawn(host.bin, args, { cwd: host.root, env: host.env });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (text: string) => {
      const whole = (rest + text).split("\n");
      rest = whole.pop()!;
      const atMs = performance.now() - startedAt;
      for (const line of whole) lines.push({ atMs, text: line.replaceAll(host.root, SHOWN_ROOT) });
    });
  }
  const [code] = await once(child, "close");
  await traffic.answers(ANSWERS_BETWEEN);
  clearInterval(timer);
  sample();
  if (code !== 0) throw new Error(lines.map(({ text }) => text).join("\n"));
  return { command: `bin/${exampleName} ${args.join(" ")}`, lines, samples };
}

async function drawPage(host: Host): Promise<void> {
  const environments = { production: { hosts: [{ host: "web1", local: true, root: host.root }] } };
  writeFileSync(
    join(folder, "tsugi.config.json"),
    JSON.stringify({ name: exampleName, environments }),
  );
  const page = join(folder, "page.html");
  const args = [tsugiCli, "view", "production", "--out", page];
  await mustRun(process.execPath, args, { cwd: folder });
  const browser = await openBrowser();
  for (const colorScheme of ["light", "dark"] as const) {
    const tab = await browser.newPage({ colorScheme, viewport: PAGE });
    await tab.goto(pathToFileURL(page).href);
    await tab.screenshot({ path: join(pictures, `page-${colorScheme}.png`) });
  }
  await browser.close();
}

mkdirSync(pictures, { recursive: true });
const releases = [await build("0.0.1"), await build("0.0.2")];
const root = join(folder, "host");
mkdirSync(root);
const port = await freePort();
const env = { PORT: String(port), HOST: "127.0.0.1" };
const host = new Host({ root, name: exampleName, path: makeHostPath(join(folder, "path")), env });
try {
  await host.extract(releases[0]!);
  await host.must("start");
  const traffic = await startTraffic({ host: "127.0.0.1", port }, new AdmiralWorkload(), CLIENTS);
  try {
    await traffic.answers(ANSWERS_BETWEEN);
    mkdirSync(join(root, "releases", "0.0.2"));
    copyFileSync(releases[1]!, join(root, "releases", "0.0.2", `${exampleName}.tar.gz`));
    const recording = await record(host, ["upgrade", "0.0.2"], traffic);
    writeFileSync(join(pictures, "upgrade.svg"), recordingSvg(recording));
  } finally {
    await traffic.stop();
  }
  await drawPage(host);
} finally {
  await host.app("stop");
  rmSync(folder, { recursive: true, force: true });
}
