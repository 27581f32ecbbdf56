/**
 * What differs between two manifests, component by component, and what each means for the processes
 * that run. Facts only: what follows from all of them together is `plan`'s.
 */

import {
  type Manifest,
  type ManifestProcess,
  type ManifestState,
  named,
} from "../release/manifest.ts";
import type { Difference } from "./instructions.ts";
import { statePath } from "./states.ts";

const MEANS: Record<string, string> = {
  runtime: "another Node: new processes",
  tsugi: "its supervisor is replaced",
  app: "the application's own code",
  packages: "node_modules: a process loads a package once",
  static: "files that the new version reads from its own folder",
  nodeArgs: "Node reads node.args when a process starts",
  config: "built-in settings: health, timeouts, restarts, logs",
  environment: "etc/ is read when a process starts",
  bin: "bin/<app> itself",
};

export function diffManifests(from: Manifest, to: Manifest, environmentChanged = false) {
  const differences: Difference[] = [];
  const compare = (component: string, a: string, b: string, why = MEANS[component] ?? "") => {
    if (a !== b) differences.push({ component, from: a, to: b, why });
  };
  compare("runtime", from.runtime.dir, to.runtime.dir);
  compare("tsugi", from.tsugi.dir, to.tsugi.dir);
  const names = new Set([...from.components, ...to.components].map((component) => component.name));
  for (const name of [...names].sort()) {
    compare(name, componentHash(from, name), componentHash(to, name));
  }
  if (environmentChanged) compare("environment", "as started", "as it is now");
  for (const name of namesOf(from.processes, to.processes)) {
    const [before, after] = [named(from.processes, name), named(to.processes, name)];
    const why = before === undefined ? "it is new" : after === undefined ? "it goes" : "";
    compare(`process ${name}`, describeProcess(before), describeProcess(after), why);
  }
  for (const name of namesOf(from.states, to.states)) {
    const [before, after] = [named(from.states, name), named(to.states, name)];
    compare(`state ${name}`, describeState(before), describeState(after), wayOf(before, after));
  }
  return differences;
}

const componentHash = (manifest: Manifest, name: string) =>
  named(manifest.components, name)?.hash.slice(0, 8) ?? "none";

const namesOf = (...lists: { name: string }[][]) => [
  ...new Set(lists.flat().map(({ name }) => name)),
];

function describeProcess(process: ManifestProcess | undefined): string {
  if (process === undefined) return "none";
  const { workers, overlap, args = [], env = {} } = process;
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  return [
    workers === 1 ? "1 worker" : `${workers} workers`,
    ...(overlap ? [] : ["overlap: false"]),
    ...(args.length === 0 ? [] : [`args: ${args.join(" ")}`]),
    ...(variables.length === 0 ? [] : [variables.sort().join(" ")]),
  ].join(", ");
}

const describeState = (state: ManifestState | undefined) => (state ? `v${state.version}` : "none");

function wayOf(before: ManifestState | undefined, after: ManifestState | undefined): string {
  if (before === undefined) return "begins with its initial()";
  if (after === undefined) return "is left behind";
  const { kind } = statePath(before, after);
  return kind === "missing" ? "nothing says how to get there" : kind;
}
