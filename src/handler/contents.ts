/**
 * What a manifest may put where. A release owns its folders below `lib/` and `runtime/`, its own
 * `releases/<vsn>/` and `bin/<app>`; it can never write `etc/`, `permanent`, or another's release.
 */
import type { Layout } from "../release/layout.ts";
import { isSafePath, type Manifest, type ManifestFile } from "../release/manifest.ts";

/** @returns why this manifest may not be unpacked here, or undefined */
export function contentsProblem(manifest: Manifest, layout: Layout): string | undefined {
  if (manifest.name !== layout.name) {
    return `it is a release of "${manifest.name}", this is the root of "${layout.name}"`;
  }
  if (manifest.kind !== "node") return `it is a release of kind "${manifest.kind}", not "node"`;
  for (const { name, entry, swap = entry } of manifest.processes) {
    if (!isSafePath(entry) || !isSafePath(swap))
      return `process ${name}: its entry leaves the tree`;
  }
  return placesProblem(manifest);
}

/** The part of it that is the same on every host, for Elixir's and Erlang's releases too. */
export function placesProblem(manifest: Manifest): string | undefined {
  const kinds = new Map<string, "file" | "link">();
  const forms = new Set<string>();
  for (const file of manifest.files) {
    const problem = placeProblem(file, manifest);
    if (problem) return `${file.path}: ${problem}`;
    // Where a file system takes two names for one, its bytes are found to be another's.
    const form = file.path.normalize("NFC");
    if (forms.has(form)) return `${file.path} is there twice (or in another form of Unicode)`;
    forms.add(form);
    kinds.set(file.path, file.link === undefined ? "file" : "link");
  }
  for (const path of kinds.keys()) {
    for (const folder of foldersAbove(path)) {
      const kind = kinds.get(folder);
      if (kind) return `${path} lies below ${folder}, which is a ${kind}`;
    }
  }
  return undefined;
}

function placeProblem(file: ManifestFile, manifest: Manifest): string | undefined {
  if ((file.mode & ~0o777) !== 0) return "its mode has more than permissions (setuid, sticky …)";
  const [first, second, third] = file.path.split("/");
  if (first === "lib" && third !== undefined) return undefined;
  const { dir } = manifest.runtime;
  if (manifest.kind === "node" && first === "runtime" && second === dir && third !== undefined) {
    return undefined;
  }
  if (manifest.kind === "beam" && first === dir && second !== undefined) return undefined;
  if (first === "bin" && third === undefined && isOwnCommand(second, manifest)) return undefined;
  const isOwnRelease = first === "releases" && second === manifest.version;
  const reserved = ["release.json", "release.json.sig", `${manifest.name}.tar.gz`];
  if (isOwnRelease && third !== undefined && !reserved.includes(third)) return undefined;
  return "a release may not put a file there";
}

/** Mix puts commands of other names beside it. */
const isOwnCommand = (file: string | undefined, { name, kind }: Manifest) =>
  kind === "beam" ? file !== undefined : file === name || file?.startsWith(`${name}.`) === true;

export function foldersAbove(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
