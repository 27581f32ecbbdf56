/** The packages that a release consists of, as its own files say: what was packed, not what was asked for. */
import { recordIn } from "../contract/checks.ts";
import type { Manifest } from "../release/manifest.ts";

export interface Package {
  name: string;
  version: string;
  license?: string;
  /** Undefined: not one of npm's. */
  purl?: string;
}

/** The package.json of a package itself, and not of a folder in it. */
const OF_PACKAGE =
  /^lib\/packages-[^/]+\/(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/@.][^/]*\/package\.json$/;
/** `lib/plug-1.16.1/ebin/plug.app` of an Elixir or Erlang release. */
const OF_APPLICATION = /^lib\/(.+)-([^/-]+)\/ebin\/\1\.app$/;

/** Whether a file of a release says what a package is. */
export const describesPackage = (path: string): boolean => OF_PACKAGE.test(path);

/** `texts`: of the files that say so. */
export function packagesIn({ kind, files, name }: Manifest, texts: readonly string[]): Package[] {
  if (kind === "beam") {
    const found = files.map(({ path }) => OF_APPLICATION.exec(path));
    return found.flatMap((match) =>
      match === null || match[1] === name ? [] : [{ name: match[1]!, version: match[2]! }],
    );
  }
  const found = texts.map(packageIn).filter((one) => one !== undefined);
  const each = new Map(found.map((one) => [one.purl!, one]));
  return [...each.values()].sort((a, b) => (a.purl! < b.purl! ? -1 : 1));
}

function packageIn(text: string): Package | undefined {
  const { name, version, license } = recordIn(text) ?? {};
  if (typeof name !== "string" || typeof version !== "string") return undefined;
  const purl = `pkg:npm/${name.replace("@", "%40")}@${encodeURIComponent(version)}`;
  return { name, version, purl, ...(typeof license === "string" ? { license } : {}) };
}
