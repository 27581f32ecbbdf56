/** For which Node the compiled addons of the production packages were made, where they are here. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Project } from "../../pack/project.ts";
import { closureOf, readPackage } from "../resolveFrom.ts";
import { addonFacts, majorOf } from "./addon.ts";

export interface InstalledFor {
  packageName: string;
  /** Of Node. */
  major: number;
}

/** Undefined where there are none, where they fit every Node, or where they contradict each other. */
export function installedFor({ folder }: Project): InstalledFor | undefined {
  const found = new Map<number, InstalledFor>();
  for (const place of closureOf(folder)) {
    const major = place === folder ? undefined : majorIn(place);
    if (major === undefined) continue;
    found.set(major, { packageName: readPackage(place).name ?? place, major });
  }
  return found.size === 1 ? [...found.values()][0] : undefined;
}

function majorIn(folder: string): number | undefined {
  const made = join(folder, "build", "Release");
  if (!existsSync(made)) return undefined;
  for (const name of readdirSync(made).filter((one) => one.endsWith(".node"))) {
    const { abi } = addonFacts(name, readFileSync(join(made, name)));
    const number = abi === undefined ? abiOfBuild(folder) : abi;
    if (typeof number === "number") return majorOf(number);
  }
  return undefined;
}

/** What node-gyp has noted. */
function abiOfBuild(folder: string): number | undefined {
  const file = join(folder, "build", "config.gypi");
  if (!existsSync(file)) return undefined;
  const abi = /"node_module_version":\s*"?(\d+)/.exec(readFileSync(file, "utf8"))?.[1];
  return abi === undefined ? undefined : Number(abi);
}
