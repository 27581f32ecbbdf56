import { TsugiError } from "../contract/errors.ts";
import type { Layout } from "../release/layout.ts";

/** @throws TSUGI_ROOT_EXPOSED, where others may change what runs here */
export async function refuseIfExposed(layout: Layout): Promise<void> {
  const { EVERYBODY, findExposures } = await import("../handler/exposure.ts");
  // Who reads these two has an error of its own for that, which says what may be in them.
  const isSaidElsewhere = (path: string) => path === layout.etcEnv || path === layout.trustedKeys;
  const found = (await findExposures(layout)).find(
    ({ path, why }) => why !== EVERYBODY || !isSaidElsewhere(path),
  );
  if (found === undefined) return;
  const { path, fix } = found;
  throw new TsugiError("TSUGI_ROOT_EXPOSED", { path, fix });
}
