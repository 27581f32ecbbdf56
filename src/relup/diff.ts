/** What differs between two manifests. Facts only: what follows from them is `plan`'s. */
import type { Manifest } from "../release/manifest.ts";
import type { Difference } from "./instructions.ts";

export function diffManifests(from: Manifest, to: Manifest): Difference[] {
  const differences: Difference[] = [];
  const compare = (component: string, a: string, b: string) => {
    if (a !== b) differences.push({ component, from: a, to: b });
  };
  compare("runtime", from.runtime.dir, to.runtime.dir);
  compare("tsugi", from.tsugi.dir, to.tsugi.dir);
  const names = new Set([...from.components, ...to.components].map((component) => component.name));
  for (const name of [...names].sort()) {
    compare(name, componentHash(from, name), componentHash(to, name));
  }
  compare("processes", describeProcesses(from), describeProcesses(to));
  compare("states", describeStates(from), describeStates(to));
  return differences;
}

const componentHash = (manifest: Manifest, name: string) =>
  manifest.components.find((component) => component.name === name)?.hash.slice(0, 8) ?? "none";

const describeProcesses = (manifest: Manifest) =>
  manifest.processes.map((p) => `${p.name}×${p.workers}${p.overlap ? "" : " alone"}`).join(" ");

const describeStates = (manifest: Manifest) =>
  manifest.states.map((state) => `${state.name}@${state.version}`).join(" ") || "none";
