/** The folders that a release consists of, and shares with others: of `lib/` and the runtime. */
import { hashFiles, type Manifest, type ManifestFile } from "./manifest.ts";

/** A folder that is renamed into place whole, such as `lib/wall-0.0.2`. */
export interface Unit {
  folder: string;
  files: ManifestFile[];
}

/** `lib/x`, `runtime/x` or a BEAM release's `erts-x` for a file below one of them, else undefined. */
export function unitOf(path: string): string | undefined {
  const [first, second, third] = path.split("/");
  if (first?.startsWith("erts-") && second !== undefined) return first;
  const isUnit = (first === "lib" || first === "runtime") && third !== undefined;
  return isUnit ? `${first}/${second}` : undefined;
}

/** The folders that a release consists of. */
export function unitsOf(manifest: Manifest): Unit[] {
  const units = new Map<string, ManifestFile[]>();
  for (const file of manifest.files) {
    const folder = unitOf(file.path);
    if (folder === undefined) continue;
    const files = units.get(folder) ?? [];
    files.push(file);
    units.set(folder, files);
  }
  return [...units].map(([folder, files]) => ({ folder, files }));
}

export const unitHash = ({ folder, files }: Unit): string => hashFiles(files, folder);

/** Of a release of Node. */
export function runtimeOf({ runtime, files }: Manifest): Unit {
  const folder = `runtime/${runtime.dir}`;
  return { folder, files: files.filter(({ path }) => unitOf(path) === folder) };
}
