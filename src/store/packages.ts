/** The packages that a release consists of, as its own files say: what was packed, not what was asked for. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../contract/checks.ts";
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

export class PackageList {
  readonly #folder: string;
  readonly #files: string[] = [];

  /** `folder`: for copies. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where a file of the release is to be copied, if it says what a package is. */
  copyOf(path: string): string | undefined {
    if (!OF_PACKAGE.test(path)) return undefined;
    this.#files.push(path);
    return join(this.#folder, `package-${this.#files.length}.json`);
  }

  async read({ kind, files, name }: Manifest): Promise<Package[]> {
    if (kind === "beam") {
      const found = files.map(({ path }) => OF_APPLICATION.exec(path));
      return found.flatMap((match) =>
        match === null || match[1] === name ? [] : [{ name: match[1]!, version: match[2]! }],
      );
    }
    const found = new Map<string, Package>();
    for (const [index] of this.#files.entries()) {
      const text = await readFile(join(this.#folder, `package-${index + 1}.json`), "utf8");
      const one = packageIn(text);
      if (one !== undefined) found.set(one.purl!, one);
    }
    return [...found.values()].sort((a, b) => (a.purl! < b.purl! ? -1 : 1));
  }
}

function packageIn(text: string): Package | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (!isRecord(json)) return undefined;
    const { name, version, license } = json;
    if (typeof name !== "string" || typeof version !== "string") return undefined;
    const purl = `pkg:npm/${name.replace("@", "%40")}@${encodeURIComponent(version)}`;
    return { name, version, purl, ...(typeof license === "string" ? { license } : {}) };
  } catch {
    return undefined;
  }
}
