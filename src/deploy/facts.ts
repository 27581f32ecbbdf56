/** What a host says of itself. Facts only: what follows from them is the rollout's to decide. */
import { jsonIn } from "../contract/checks.ts";
import { messageOf, TsugiError } from "../contract/errors.ts";
import type { LastEnd, NotRunning } from "../protocol/documents.ts";
import type { Status, UpgradeReport } from "../protocol/report.ts";
import type { Inventory } from "../release/delta.ts";
import type { Layout } from "../release/layout.ts";
import { type Manifest, parseManifest } from "../release/manifest.ts";
import type { ReleaseEntry } from "../release/status.ts";
import type { Transport } from "../transport/index.ts";
import type { DeployRecord } from "./audit.ts";
import { type Lock, parseLock } from "./lock.ts";
import { commandAsOwner } from "./remote/asOwner.ts";
import { askFacts } from "./remote/factsScript.ts";

export interface HostFacts {
  user: string;
  isRoot: boolean;
  /** As a manifest has it: `linux-x64`, `linux-arm64-musl` … */
  platform: string;
  missingTools: string[];
  /** The root, or the nearest folder above it that exists. */
  nearest: { path: string; writable: boolean; mode: string; owner: number };
  freeBytes: number | undefined;
  systemd: { runs: boolean; hasUnit: boolean; maySudo: boolean };
  /** `bin/<app>` is there. */
  installed: boolean;
  /** A first install was cut off. */
  cutOff: boolean;
  /** Of bin, releases, lib and runtime or erts-*, what is in the root. */
  has: string[];
  releases: ReleaseEntry[];
  /** What a delta can build on; undefined where nothing is installed. */
  inventory: Inventory | undefined;
  /** Tarballs in the drop box, by version. */
  boxes: Record<string, number>;
  /** Which release a boot takes, in the host's own words. */
  boot: string;
  /** A step of a deploy goes on there, whose deployer may be gone. */
  isBusy: boolean;
  /** Undefined where nothing runs. */
  status: Status | undefined;
  /** How it ended, where that was not by a stop. */
  lastEnd: LastEnd | undefined;
  /** Of the release that runs, or would be booted. */
  manifest: Manifest | undefined;
  manifestBytes: string | undefined;
  lock: Lock | undefined;
  /** The last of them, the newest last. */
  upgrades: UpgradeReport[];
  /** The last of them, the newest last. */
  deploys: DeployRecord[];
}

type Asked = Pick<Transport, "name" | "run">;

/** @throws TSUGI_HOST_UNREACHABLE, TSUGI_HOST_SILENT, TSUGI_HOST_FAILED */
export async function readFacts(
  host: Asked,
  layout: Layout,
  environment: string,
): Promise<HostFacts> {
  const { stdout, stderr, exitCode } = await host.run(askFacts(layout), { readOnly: true });
  try {
    const facts = parseFacts(stdout);
    if (exitCode !== 0) throw new Error("what lies in the root can't be asked for");
    const version = bootVersion(facts);
    if (version === undefined) return facts;
    const path = layout.release(version).manifest;
    const told = manifestIn(stdout, version);
    if (told !== undefined) return withManifest(facts, told, `${host.name}:${path}`);
    const argv = commandAsOwner(layout.root, ["cat", path]);
    const manifest = await host.run(argv, { readOnly: true });
    if (manifest.exitCode !== 0) throw new Error(manifest.stderr.trim());
    return withManifest(facts, manifest.stdout, `${host.name}:${path}`);
  } catch (error) {
    if (error instanceof TsugiError) throw error;
    const problem = `${messageOf(error)} (exit ${exitCode}) ${stderr.trim()}`.trim();
    const details = { host: host.name, what: "asking it", problem, environment };
    throw new TsugiError("TSUGI_HOST_FAILED", details);
  }
}

const withManifest = (facts: HostFacts, text: string, where: string): HostFacts => ({
  ...facts,
  manifest: parseManifest(text, where),
  manifestBytes: text,
});

/** What runs is what a boot would take, nearly always: its manifest comes with the facts. */
function manifestIn(text: string, version: string): string | undefined {
  const { lines, documents } = split(text);
  const found = documents.manifest;
  if (!lines.includes(`manifestOf ${version}`) || found?.exitCode !== 0) return undefined;
  return found.text;
}

/** The release that runs, else the one that a boot would take. */
export function bootVersion({ status, releases }: HostFacts): string | undefined {
  if (status !== undefined) return status.version;
  const permanent = releases.find((entry) => entry.status === "permanent");
  // Extracted and never started: a start boots the only one.
  return (permanent ?? (releases.length === 1 ? releases[0] : undefined))?.version;
}

const ARCHITECTURES: Record<string, string> = {
  x86_64: "x64",
  amd64: "x64",
  aarch64: "arm64",
  arm64: "arm64",
};

export function parseFacts(text: string): HostFacts {
  const { lines, documents } = split(text);
  if (lines[0] !== "tsugi-facts 1")
    throw new Error(`an answer that is none: ${text.slice(0, 200)}`);
  const all = (key: string) =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const one = (key: string) => all(key)[0] ?? "";
  const json = <T>(name: string): T | undefined => {
    const found = documents[name];
    return found?.exitCode === 0 ? jsonIn<T>(found.text) : undefined;
  };
  const jsonLines = <T>(name: string): T[] =>
    (documents[name]?.text ?? "").split("\n").flatMap((line) => jsonIn<T>(line) ?? []);
  const inventory = json<Inventory & { releases: ReleaseEntry[] }>("inventory");
  const isInstalled = one("installed") === "yes";
  if (isInstalled && inventory === undefined) throw new Error("its bin/<app> gives no inventory");
  return {
    user: one("user"),
    isRoot: one("uid") === "0",
    platform: platformOf(one("system"), one("libc")),
    missingTools: all("missing"),
    nearest: {
      path: one("nearest"),
      writable: one("writable") === "yes",
      mode: one("mode"),
      owner: Number(one("owner")),
    },
    freeBytes: /^\d+$/.test(one("freeKb")) ? Number(one("freeKb")) * 1024 : undefined,
    systemd: {
      runs: one("systemd") === "yes",
      hasUnit: one("unit") === "yes",
      maySudo: one("sudo") === "yes",
    },
    installed: isInstalled,
    cutOff: one("cutOff") === "yes",
    has: all("has"),
    releases: inventory?.releases ?? [],
    inventory,
    boxes: Object.fromEntries(
      all("box").map((line) => [line.split(" ")[0]!, Number(line.split(" ")[1])]),
    ),
    boot: documents.boot?.text.trim() ?? "",
    isBusy: one("busy") === "yes",
    status: json<Status>("status"),
    lastEnd: jsonIn<NotRunning>(documents.status?.text ?? "")?.lastEnd,
    manifest: undefined,
    manifestBytes: undefined,
    lock: documents.lock === undefined ? undefined : parseLock(documents.lock.text),
    upgrades: jsonLines<UpgradeReport>("upgrades"),
    deploys: jsonLines<DeployRecord>("deploys"),
  };
}

function platformOf(system: string, libc: string): string {
  const [kernel = "", machine = ""] = system.toLowerCase().split(" ");
  const musl = libc === "musl" ? "-musl" : "";
  return `${kernel}-${ARCHITECTURES[machine] ?? machine}${musl}`;
}

interface Document {
  text: string;
  exitCode: number;
}

function split(text: string): { lines: string[]; documents: Record<string, Document> } {
  const lines: string[] = [];
  const documents: Record<string, Document> = {};
  let open: { name: string; lines: string[] } | undefined;
  for (const line of text.split("\n")) {
    const end = /^@end (\d+)$/.exec(line);
    if (open !== undefined && end !== null) {
      documents[open.name] = { text: open.lines.join("\n"), exitCode: Number(end[1]) };
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    else if (line.startsWith("@")) open = { name: line.slice(1), lines: [] };
    else lines.push(line);
  }
  return { lines, documents };
}
