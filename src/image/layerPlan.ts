/** Which of a release's files make a layer together. */
import type { Manifest, ManifestFile } from "../release/manifest.ts";
import { unitOf } from "../release/units.ts";

export interface LayerPlan {
  /** The folder that is in it. */
  title: string;
  files: ManifestFile[];
  /** It is another one for each version. */
  isApplication: boolean;
}

/** From what changes least to what changes with each version. */
const ORDER = ["runtime", "packages", "tsugi", "application"] as const;
type Kind = (typeof ORDER)[number];

export function planLayers(manifest: Manifest): LayerPlan[] {
  const plans = new Map<string, LayerPlan & { kind: Kind }>();
  for (const file of manifest.files) {
    const { kind, title } = placeOf(file.path, manifest);
    const plan = plans.get(title) ?? {
      ...{ title, kind, files: [] },
      isApplication: kind === "application",
    };
    plan.files.push(file);
    plans.set(title, plan);
  }
  return [...plans.values()].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

function placeOf(path: string, manifest: Manifest): { kind: Kind; title: string } {
  const { name, version, tsugi } = manifest;
  const unit = unitOf(path);
  const own = `lib/${name}-${version}`;
  if (unit === undefined || unit === own) return { kind: "application", title: own };
  if (unit === `lib/${tsugi.dir}`) return { kind: "tsugi", title: unit };
  if (/^(runtime\/|erts-)/.test(unit)) return { kind: "runtime", title: unit };
  // An Erlang release has a folder for each library, and an image 127 layers at most.
  return { kind: "packages", title: manifest.kind === "beam" ? "lib" : unit };
}
