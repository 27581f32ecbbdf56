/** What lies in an install root and has no business there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { layoutOf } from "../../../src/release/layout.ts";
import { parseManifest } from "../../../src/release/manifest.ts";
import { unitsOf } from "../../../src/release/units.ts";
import { NAME } from "./lane.ts";

const IN_ROOT = new Set(["bin", "lib", "runtime", "releases", "etc", "log", "run", "var"]);
const IN_RELEASES = new Set(["permanent", "RELEASES.json"]);
const IN_RELEASE = new Set(["release.json", "config.json", "node.args"]);
const IN_RUN = /^(pid|workers|lock|control\.sock|control\.\d+\.sock|boot\.err)$/;

/**
 * While it runs after a crash: nothing half-written. A release that is not unpacked yet may have
 * folders; the next unpack of it takes them.
 */
export function straysWhileRunning(root: string, supervisor: number): string[] {
  const run = names(join(root, "run")).filter(
    (name) => !IN_RUN.test(name) || isSocketOfAnother(name, supervisor),
  );
  const temporary = names(root, true).filter((path) => /\.tmp$|\.staging\/./.test(path));
  return [...run.map((name) => `run/${name}`), ...temporary];
}

const isSocketOfAnother = (name: string, supervisor: number) =>
  /^control\.\d+\.sock$/.test(name) && name !== `control.${supervisor}.sock`;

/** After the next upgrade and a stop: exactly what the releases that are here name. */
export function straysAtTheEnd(root: string): string[] {
  const strays = names(root).filter((name) => !IN_ROOT.has(name));
  const named = new Set<string>();
  for (const name of names(join(root, "releases"))) {
    const folder = layoutOf(root, NAME).release(name);
    if (IN_RELEASES.has(name)) continue;
    if (name === ".staging" && names(folder.dir).length === 0) continue;
    if (!existsSync(folder.manifest)) {
      const others = names(folder.dir).filter((file) => join(folder.dir, file) !== folder.tarball);
      strays.push(...others.map((file) => `releases/${name}/${file}`));
      if (others.length === 0 && !existsSync(folder.tarball)) strays.push(`releases/${name}`);
      continue;
    }
    const manifest = parseManifest(readFileSync(folder.manifest, "utf8"), folder.manifest);
    for (const unit of unitsOf(manifest)) named.add(unit.folder);
    const more = names(folder.dir).filter((file) => !IN_RELEASE.has(file));
    strays.push(...more.map((file) => `releases/${name}/${file}`));
  }
  const present = ["lib", "runtime"].flatMap((place) =>
    names(join(root, place)).map((name) => `${place}/${name}`),
  );
  strays.push(...present.filter((folder) => !named.has(folder)));
  strays.push(...[...named].filter((one) => !present.includes(one)).map((one) => `no ${one}`));
  strays.push(...names(join(root, "bin")).filter((name) => name !== NAME));
  const run = names(join(root, "run")).filter((name) => name !== "boot.err");
  return [...strays, ...run.map((name) => `run/${name}`)];
}

function names(folder: string, recursive = false): string[] {
  if (!existsSync(folder)) return [];
  if (!recursive) return readdirSync(folder);
  return ["releases", "etc", "log", "bin"].flatMap((place) => {
    const at = join(folder, place);
    if (!existsSync(at)) return [];
    return readdirSync(at, { recursive: true, encoding: "utf8" }).map((path) => `${place}/${path}`);
  });
}
