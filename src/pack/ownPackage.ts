/** Where this tsugi lies, and its version: from dist/ when installed, from src/ in its own tests. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TsugiError } from "../contract/errors.ts";

interface OwnPackage {
  folder: string;
  version: string;
}

let found: OwnPackage | undefined;

export function ownPackage(): OwnPackage {
  found ??= search(import.meta.dirname);
  return found;
}

function search(folder: string): OwnPackage {
  const file = join(folder, "package.json");
  if (existsSync(file)) {
    const { name, version } = JSON.parse(readFileSync(file, "utf8"));
    if (name === "tsugi") return { folder, version };
  }
  if (dirname(folder) === folder) {
    throw new TsugiError("TSUGI_INTERNAL", { problem: "tsugi's own package.json is not there" });
  }
  return search(dirname(folder));
}

/** What ships in a release as lib/tsugi-<vsn>. */
export const shippedFolder = (): string => join(ownPackage().folder, "dist", "release");
