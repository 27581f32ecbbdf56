/**
 * Stores, so that any machine can find any release: what `tsugi push`, `pull`, `list`, `prune`,
 * `plan`, `verify` and `deploy` use of them.
 *
 *   const store = await openStore("/mnt/releases");
 *   const stored = await store.find({ name: "wall", version: "1.2.0" });
 *   const { manifest } = await store.manifest(stored);                      // kilobytes
 *   await store.pull(stored, { target: "/tmp/wall-1.2.0.tar.gz" });
 *   await store.close();
 */
import { resolve } from "node:path";
import { loadConfig } from "../config/load.ts";
import { TsugiError } from "../contract/errors.ts";
import { Directory } from "./directory.ts";
import { namingErrors } from "./named.ts";
import { Store } from "./store.ts";

export type { Pruned } from "./prune.ts";
export { type Pulled, verifyStored } from "./pull.ts";
export type { Pushed } from "./push.ts";
export type { ReleaseName } from "./reader.ts";
export {
  formatReference,
  type Place,
  parsePlace,
  parseSshAddress,
  type StoreReference,
} from "./reference.ts";
export { signStored } from "./sign.ts";
export { Store } from "./store.ts";

/**
 * `location`: a folder, or ssh://[user@]host[:port]/folder, which `sshConfig` says how to reach where
 * ~/.ssh/config does not.
 */
export async function openStore(
  location: string,
  sshConfig = process.env.TSUGI_SSH_CONFIG,
): Promise<Store> {
  if (!location.startsWith("ssh://")) {
    refuseOtherScheme(location);
    return new Store(namingErrors(new Directory(resolve(location))));
  }
  const { SshFolder } = await import("./ssh.ts");
  return new Store(new SshFolder(location, sshConfig));
}

/**
 * The store that is meant where none is named: TSUGI_STORE, else `store` of the project's
 * configuration, from its folder. @throws TSUGI_STORE_UNKNOWN, TSUGI_STORE_SCHEME
 */
export async function configuredStore(project: string, configFile?: string): Promise<string> {
  const { TSUGI_STORE } = process.env;
  if (TSUGI_STORE) return TSUGI_STORE;
  const { store } = (await loadConfig(project, configFile)).config;
  if (store === undefined) throw new TsugiError("TSUGI_STORE_UNKNOWN");
  refuseOtherScheme(store);
  return store.startsWith("ssh://") ? store : resolve(project, store);
}

/** `oci://…` is no folder of that name. */
function refuseOtherScheme(location: string): void {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(location)?.[1];
  if (scheme !== undefined && scheme !== "ssh") {
    throw new TsugiError("TSUGI_STORE_SCHEME", { store: location, scheme });
  }
}
