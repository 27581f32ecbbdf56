/**
 * From what the hosts say to what will be done: per host one action, or why it can't be; and the waves
 * in which they are changed. Pure: nothing is asked, nothing run.
 */
import { type ErrorJson, errorOf, errorToJson, TsugiError } from "../contract/errors.ts";
import type { Delta } from "../release/deltaMake.ts";
import type { Manifest } from "../release/manifest.ts";
import type { Plan } from "../relup/index.ts";
import type { HostSpec, Rollout } from "./environment.ts";
import { bootVersion, type HostFacts } from "./facts.ts";
import { lockedError } from "./lock.ts";

/** The release that is to run everywhere. */
export interface Artefact {
  manifest: Manifest;
  releaseId: string;
  /** The file that is sent. */
  tarball: string;
  bytes: number;
  /** Holds the file against its manifest, once: before it is sent. What goes as a delta is, file by file. */
  verify: () => Promise<void>;
  /** Of the file. */
  sha256: () => Promise<string>;
  /** What a host lacks of it. Undefined where there is no telling: then the tarball is sent. */
  deltaFor?: (facts: HostFacts) => Promise<Delta | undefined>;
}

/**
 * install   the first release of an empty root, then start
 * start     the right release is there and nothing runs
 * upgrade   from another version; started first where nothing runs
 * reload    the right release runs: only its environment may be another one
 */
export type Action = "install" | "start" | "upgrade" | "reload";

export interface HostPlan {
  host: HostSpec;
  action: Action;
  /** The version that runs, or would be booted; null on an empty host. */
  from: string | null;
  /** How the running system gets there; absent where it isn't running. */
  relup?: Plan;
  isRunning: boolean;
  /** Its appup has something done before it is loaded, or after. */
  hasHooks?: boolean;
  /** Of a BEAM release: with another OTP or Elixir, so `upgrade` has to be told that it may restart. */
  restarts?: boolean;
  /** The tarball is not there yet, neither unpacked nor in the drop box. */
  send: boolean;
  unpack: boolean;
  /** Another build of that version is merely unpacked there and makes room. */
  force: boolean;
  facts: HostFacts;
}

export interface RolloutPlan {
  hosts: HostPlan[];
  refusals: { host: string; error: ErrorJson }[];
  /** Names of hosts: those of a wave are changed at the same time. */
  waves: string[][];
}

export interface PlanOptions {
  environment: string;
  rollout: Rollout;
  /** A BEAM release with another OTP or Elixir may be started in place of the one that runs. */
  allowRestart: boolean;
  planUpgrade: (from: Manifest, to: Manifest) => Plan;
}

export interface AskedHost {
  host: HostSpec;
  facts: HostFacts;
}

/** Those that can't take any release, and why. */
export function unfitHosts(asked: AskedHost[], options: Fitness): RolloutPlan["refusals"] {
  return asked.flatMap(({ host, facts }) => {
    try {
      refuseUnfit(host, facts, options);
      return [];
    } catch (error) {
      return [{ host: host.name, error: errorToJson(error) }];
    }
  });
}

export function planRollout(
  artefact: Artefact,
  asked: AskedHost[],
  options: PlanOptions,
): RolloutPlan {
  const hosts: HostPlan[] = [];
  const refusals: RolloutPlan["refusals"] = [];
  for (const { host, facts } of asked) {
    try {
      const plan = planHost(artefact, host, facts, options);
      refuseFullDisk(plan, artefact, options.environment);
      hosts.push(plan);
    } catch (error) {
      refusals.push({ host: host.name, error: errorToJson(error) });
    }
  }
  const names = asked.map(({ host }) => host.name);
  return { hosts, refusals, waves: wavesOf(names, options.rollout) };
}

/** The canaries alone, then batches. */
export function wavesOf(
  names: string[],
  { canary, batch }: Omit<Rollout, "onFailure">,
): string[][] {
  const size =
    typeof batch === "number"
      ? batch
      : Math.ceil((names.length * Number.parseInt(batch, 10)) / 100);
  const waves = canary > 0 ? [names.slice(0, canary)] : [];
  for (let at = canary; at < names.length; at += Math.max(1, size)) {
    waves.push(names.slice(at, at + Math.max(1, size)));
  }
  return waves;
}

function planHost(
  artefact: Artefact,
  host: HostSpec,
  facts: HostFacts,
  options: PlanOptions,
): HostPlan {
  const { manifest, releaseId } = artefact;
  const { version } = manifest;
  const from = bootVersion(facts) ?? null;
  const isRunning = facts.status !== undefined;
  const there = facts.releases.find((entry) => entry.version === version);
  const isSame = there?.releaseId === releaseId;
  if (there !== undefined && !isSame && there.status !== "unpacked") {
    throw new TsugiError("TSUGI_RELEASE_CONFLICT", {
      version,
      found: `${there.releaseId.slice(0, 12)} (${there.status})`,
      offered: releaseId.slice(0, 12),
      bin: `tsugi exec ${options.environment} --host ${host.name} -- bin/${manifest.name}`,
    });
  }
  const common = { host, from, isRunning, facts, force: there !== undefined && !isSame };
  if (!facts.installed) {
    return { ...common, action: "install", send: true, unpack: false };
  }
  if (from === version) {
    return { ...common, action: isRunning ? "reload" : "start", send: false, unpack: false };
  }
  refuseOtherUpgrade(host, facts, version, options.environment);
  const relup = relupOf(host, facts, manifest, options);
  const needs = !isSame;
  const send = needs && facts.boxes[version] !== artefact.bytes;
  return { ...common, action: from === null ? "start" : "upgrade", send, unpack: needs, ...relup };
}

function relupOf(
  host: HostSpec,
  facts: HostFacts,
  to: Manifest,
  { planUpgrade, allowRestart, environment }: PlanOptions,
): Pick<HostPlan, "relup" | "restarts" | "hasHooks"> {
  if (facts.manifest === undefined) return {};
  const relup = planUpgrade(facts.manifest, to);
  const [obstacle] = relup.obstacles;
  if (obstacle !== undefined) throw errorOf(obstacle);
  const restarts = to.kind === "beam" && relup.strategy === "restart";
  // It is started only to be upgraded: there is nothing that could be lost.
  const hasHooks = relup.instructions.some(({ op }) => op === "before" || op === "after");
  if (facts.status === undefined) return { restarts, hasHooks };
  // Its host refuses it as well, but only after everything has been sent.
  if (restarts && !allowRestart) {
    const reasons = relup.reasons.join(", ");
    const details = { host: host.name, version: to.version, reasons, environment };
    throw new TsugiError("TSUGI_DEPLOY_RESTART_NEEDED", details);
  }
  return { relup, restarts };
}

function refuseOtherUpgrade(
  host: HostSpec,
  facts: HostFacts,
  version: string,
  environment: string,
): void {
  const underWay = facts.status?.upgrade;
  if (!underWay || underWay.to === version) return;
  const bin = `tsugi exec ${environment} --host ${host.name} -- bin/${facts.status!.name}`;
  throw new TsugiError("TSUGI_UPGRADE_UNDER_WAY", { version: underWay.to, bin });
}

interface Fitness {
  environment: string;
  systemd: boolean;
  /** A lock is nothing to one that only asks. */
  dryRun: boolean;
}

/** What has to be true of a host whatever is to be done there. */
function refuseUnfit(host: HostSpec, facts: HostFacts, options: Fitness): void {
  const refuse = (problem: string, next: string) => {
    throw new TsugiError("TSUGI_HOST_REFUSED", { host: host.name, problem, next });
  };
  const { nearest, missingTools, lock, user } = facts;
  if (lock !== undefined && !lock.isDeploy && !options.dryRun) {
    throw lockedError(host.name, lock, options.environment);
  }
  if (missingTools.length > 0) {
    refuse(`it has no ${missingTools.join(", ")}`, "Install what is missing there");
  }
  const isRoot = nearest.path === host.root;
  if (!nearest.writable) {
    const what = isRoot ? host.root : `${host.root} is not there, and ${nearest.path}`;
    const next = `As root there: install -d -o ${user} ${host.root}`;
    refuse(`${what} can't be written by ${user}`, next);
  }
  if (isRoot && /^d.{7}w/.test(nearest.mode)) {
    refuse(`everybody may write to ${host.root} (${nearest.mode})`, `chmod o-w ${host.root}`);
  }
  if (!facts.installed && !facts.cutOff && facts.has.length > 0) {
    const problem = `${host.root} has a ${facts.has.join("/, ")}/ that is of no tsugi release`;
    refuse(problem, "Give the release a folder of its own: environments.<name>.root");
  }
  if (!options.systemd || facts.systemd.hasUnit) return;
  if (!facts.systemd.runs)
    refuse("systemd: true, and systemd does not run there", "systemd: false");
  if (!facts.isRoot && !facts.systemd.maySudo) {
    const problem = `systemd: true, and ${user} may not install a unit there (neither root nor sudo without a password)`;
    refuse(problem, `Deploy as root, or allow it: ${user} ALL=(root) NOPASSWD: ALL in sudoers`);
  }
}

function refusePlatform({ host, facts }: HostPlan, { runtime }: Manifest): void {
  if (facts.platform === runtime.platform) return;
  const problem = `it is ${facts.platform}, and the release is built for ${runtime.platform}`;
  const next = "Build on such a machine";
  throw new TsugiError("TSUGI_HOST_REFUSED", { host: host.name, problem, next });
}

/** The tarball and what it holds are there at the same time. */
function refuseFullDisk(plan: HostPlan, artefact: Artefact, environment: string): void {
  const { host, facts } = plan;
  if (plan.send || plan.unpack) refusePlatform(plan, artefact.manifest);
  if (facts.freeBytes === undefined) return;
  const needed = (plan.send ? artefact.bytes : 0) + unpackedBytes(plan, artefact.manifest);
  if (needed <= facts.freeBytes) return;
  const mb = (bytes: number) => Math.ceil(bytes / 1_000_000);
  const [neededMb, freeMb] = [mb(needed), mb(facts.freeBytes)];
  if (!facts.installed) {
    const problem = `Not enough space at ${host.root}: ${neededMb} MB needed, ${freeMb} MB free`;
    const next = `Make room there; what takes it: ssh ${host.name} df -h ${facts.nearest.path}`;
    throw new TsugiError("TSUGI_HOST_REFUSED", { host: host.name, problem, next });
  }
  throw new TsugiError("TSUGI_DISK_FULL", {
    root: `${host.name}:${host.root}`,
    neededMb,
    freeMb,
    room: `tsugi exec ${environment} --host ${host.name} -- bin/${artefact.manifest.name} prune --keep 2`,
  });
}

function unpackedBytes({ action, unpack, facts }: HostPlan, { files }: Manifest): number {
  if (!unpack && action !== "install") return 0;
  const folders = (facts.inventory?.folders ?? []).map(({ folder }) => `${folder}/`);
  const isThere = (path: string) => folders.some((folder) => path.startsWith(folder));
  return files.reduce((sum, { path, size }) => sum + (isThere(path) ? 0 : size), 0);
}
