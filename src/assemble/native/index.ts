/**
 * Addons that the release's Node could not load are an error at build and not at start. Of each
 * package those addons are looked at that it would load:
 *
 *   build/Release/*.node       if there are any, all of them; node-gyp has made them here
 *   else one of all it has     prebuilds/linux-x64/node.napi.node, x.linux-x64-gnu.node …:
 *                              the others are for other machines
 *   a package with os or cpu   only where that is the release's own; and of the optional ones of
 *                              a package (@img/sharp-linux-x64 of sharp) one has to be there
 */
import { join } from "node:path";
import { TsugiError } from "../../contract/errors.ts";
import { type PackedFile, readSource } from "../../pack/fileSet.ts";
import type { BuildLog } from "../../pack/log.ts";
import { sha256 } from "../../release/manifest.ts";
import type { PackedPackage } from "../packages.ts";
import { isInsideModules, locatePackage, readPackage } from "../resolveFrom.ts";
import type { Runtime } from "../runtime.ts";
import { abiMisfit, addonFacts, misfit, type Target } from "./addon.ts";
import { abiOfNode, loadAddon } from "./load.ts";

interface Addon {
  /** The package, or the project. */
  owner: string;
  /** Inside of it. */
  path: string;
  file: PackedFile;
}

interface Problem {
  owner: string;
  text: string;
}

/** @throws TSUGI_ADDON_UNFIT */
export async function refuseUnfitAddons(
  { files, packages }: { files: PackedFile[]; packages: PackedPackage[] },
  runtime: Runtime,
  managerName: string,
  log: BuildLog,
): Promise<void> {
  const addons = files.filter(({ path, source }) => path.endsWith(".node") && "file" in source);
  const groups = groupByOwner(addons.map(asAddon).filter(({ path }) => !isIntermediate(path)));
  const absent = packages.map((found) => missingPlatform(found, runtime.platform));
  const problems: Problem[] = absent.filter((problem) => problem !== undefined);
  if (groups.size > 0) {
    const { platform, version: node } = runtime;
    const target = { platform, node, abi: await abiOfNode(runtime.node) };
    for (const [owner, group] of groups) {
      if (!isForPlatform(packages, owner, platform)) continue;
      problems.push(...(await problemsOf(group, target, runtime, log)));
    }
  }
  if (problems.length === 0) return;
  const names = [...new Set(problems.map(({ owner }) => owner))];
  throw new TsugiError("TSUGI_ADDON_UNFIT", {
    problems: problems.map(({ owner, text }) => `${owner}: ${text}`).join("\n  "),
    rebuild: `PATH="${join(runtime.node, "..")}:$PATH" ${managerName} rebuild ${names.join(" ")}`,
  });
}

function asAddon(file: PackedFile): Addon {
  const at = file.path.lastIndexOf("node_modules/");
  if (at < 0) return { owner: "the project", path: file.path, file };
  const parts = file.path.slice(at + "node_modules/".length).split("/");
  const length = parts[0]!.startsWith("@") ? 2 : 1;
  return { owner: parts.slice(0, length).join("/"), path: parts.slice(length).join("/"), file };
}

const isIntermediate = (path: string): boolean => /(^|\/)(obj|obj\.target|test|tests)\//.test(path);

function groupByOwner(addons: Addon[]): Map<string, Addon[]> {
  const groups = new Map<string, Addon[]>();
  for (const addon of addons) {
    // Two versions of one package are two groups: the place tells.
    const place = addon.file.path.slice(0, addon.file.path.length - addon.path.length);
    const key = addon.owner === "the project" ? addon.file.path : place;
    groups.set(key, [...(groups.get(key) ?? []), addon]);
  }
  for (const [key, group] of groups) {
    const made = group.filter(({ path }) => /^build\/(Release|Debug)\//.test(path));
    if (made.length > 0) groups.set(key, made);
  }
  return groups;
}

async function problemsOf(
  group: Addon[],
  target: Target,
  runtime: Runtime,
  log: BuildLog,
): Promise<Problem[]> {
  const isMade = group.every(({ path }) => /^build\/(Release|Debug)\//.test(path));
  const problems: Problem[] = [];
  const unsure: string[] = [];
  let fitting = 0;
  for (const addon of group) {
    const { misfit, failed } = await problemOf(addon, target, runtime);
    const text = `${addon.path} ${misfit ?? `could not be loaded here: ${failed}`}`;
    if (misfit !== undefined) problems.push({ owner: addon.owner, text });
    else if (failed !== undefined) unsure.push(`${addon.owner}: ${text}`);
    else fitting += 1;
  }
  // Beside one that loads, the others are for other machines. A library that this one lacks, the host may have.
  if (isMade || fitting === 0) for (const text of unsure) log.warn(text);
  if (isMade) return problems;
  return fitting + unsure.length > 0 ? [] : nearest(problems);
}

/** Of ten for other machines, those of one system say enough. */
const nearest = (problems: Problem[]): Problem[] => {
  const compiled = problems.filter(({ text }) => text.includes("compiled for"));
  const [first, ...more] = compiled.length > 0 ? compiled : problems;
  const count = more.length === 0 ? "" : ` (and ${more.length} more, none of which fits)`;
  return [{ ...first!, text: `${first!.text}${count}` }];
};

interface Tried {
  /** Why it can't be the one for the release. */
  misfit?: string;
  /** It may be: what the dynamic linker said here. */
  failed?: string;
}

async function problemOf({ path, file }: Addon, target: Target, runtime: Runtime): Promise<Tried> {
  const bytes = readSource(file.source);
  const found = misfit(addonFacts(path, bytes), target);
  if (found !== undefined) return { misfit: found };
  if (target.abi === undefined || !("file" in file.source)) return {};
  const loaded = await loadAddon(runtime, file.source.file, sha256(bytes));
  if (loaded.result === "loaded") return {};
  return loaded.result === "failed"
    ? { failed: loaded.problem }
    : { misfit: abiMisfit(loaded.abi, target.node, target.abi) };
}

interface ForPlatform {
  os?: string[];
  cpu?: string[];
  libc?: string[];
}

/** By the fields that npm goes by; without them it is for all. */
function fits({ os, cpu, libc }: ForPlatform, platform: string): boolean {
  const [wantedOs, wantedCpu, musl] = platform.split("-");
  const allows = (list: string[] | undefined, value: string) =>
    list === undefined ||
    (!list.includes(`!${value}`) &&
      (list.includes(value) || list.includes("any") || list.every((one) => one.startsWith("!"))));
  return (
    allows(os, wantedOs!) &&
    allows(cpu, wantedCpu!) &&
    (wantedOs !== "linux" || allows(libc, musl === "musl" ? "musl" : "glibc"))
  );
}

function isForPlatform(packages: PackedPackage[], place: string, platform: string): boolean {
  const found = packages.find(({ path }) => place === `${path}/`);
  return found === undefined || fits(readPackage(found.folder) as ForPlatform, platform);
}

/** sharp has one optional package a platform: if only those of others are here, it was installed elsewhere. */
function missingPlatform({ name, folder }: PackedPackage, platform: string): Problem | undefined {
  const { optionalDependencies = {} } = readPackage(folder);
  const installed = Object.keys(optionalDependencies)
    .map((optional) => locatePackage(folder, optional))
    .filter((found) => found !== undefined && isInsideModules(found.location))
    .map((found) => readPackage(found!.folder) as ForPlatform & { name?: string })
    .filter(({ os, cpu }) => os !== undefined && cpu !== undefined);
  if (installed.length === 0 || installed.some((one) => fits(one, platform))) return undefined;
  const names = installed.map((one) => one.name).join(", ");
  return { owner: name, text: `has ${names} and nothing for ${platform}` };
}
