/** sign: a release in a store, its files held against the manifest first. Nothing is moved. */
import { type Verified, verifiedOf } from "../pack/inspect.ts";
import type { Sign } from "../pack/signRelease.ts";
import { STORE, type StoredRelease } from "../release/stored.ts";
import { verifyStored } from "./pull.ts";
import type { StoreReader } from "./reader.ts";

/** @throws TSUGI_STORE_DAMAGED, TSUGI_KEY_INVALID */
export async function signStored(
  store: StoreReader,
  stored: StoredRelease,
  sign: Sign,
): Promise<Verified> {
  const opened = await verifyStored(store, stored);
  const signature = sign(opened.manifestBytes);
  // A pull packs it anew, and has the signature in it: the tarball that was pushed is another one.
  const { tarball: _pushed, ...rest } = stored;
  const path = STORE.release(stored.name, stored.version);
  const bytes = Buffer.from(`${JSON.stringify({ ...rest, signature }, null, 1)}\n`);
  await store.files.put(
    (async function* () {
      yield { path, bytes };
    })(),
  );
  return verifiedOf({ ...opened, signature });
}
