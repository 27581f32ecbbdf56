/** The sh programs of this folder, each a file of its own, so that shellcheck reads them as well. */
import { readFileSync } from "node:fs";

/** The build puts the text in its place (scripts/build.mjs). */
export const program = (name: `${string}.sh`): string =>
  readFileSync(new URL(name, import.meta.url), "utf8");
