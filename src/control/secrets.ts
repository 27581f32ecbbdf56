/** What no error of this program shows: it may be told one by a process that has just failed. */
import { readIfThere } from "../platform/files.ts";
import { Mask } from "../protocol/mask.ts";
import { layoutOf } from "../release/layout.ts";

export async function readMask(root: string, name: string): Promise<Mask> {
  const mask = new Mask(root);
  if (root === "") return mask;
  try {
    const text = await readIfThere(layoutOf(root, name).etcEnv);
    const { parseEnvFile } = await import("../handler/envFile.ts");
    if (text !== undefined) mask.learn(parseEnvFile(text, "etc/env"));
  } catch {
    // One that can't be read is in nobody's environment either.
  }
  return mask;
}
