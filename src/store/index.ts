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
import { ContentStore } from "./contentStore.ts";
import { Directory } from "./directory.ts";
import { namingErrors } from "./named.ts";
import type { Store } from "./store.ts";

export type { StoredFacts } from "../release/stored.ts";
export type { Pruned } from "./prune.ts";
export type { Pulled } from "./pull.ts";
export type { Pushed } from "./push.ts";
export type { ReleaseName } from "./reader.ts";
export {
  formatReference,
  type Place,
  parsePlace,
  parseSshAddress,
  type StoreReference,
} from "./reference.ts";
export type { Store } from "./store.ts";
export type { ContentStore };

/**
 * `location`: a folder; ssh://[user@]host[:port]/folder, which `sshConfig` says how to reach where
 * ~/.ssh/config does not; or oci://registry/repository, of one app.
 */
export async function openStore(location: string, sshConfig?: string): Promise<Store> {
  if (!location.startsWith("oci://")) return openContentStore(location, sshConfig);
  const { RegistryStore } = await import("./registryStore.ts");
  return new RegistryStore(location);
}

/** A folder, here or behind ssh. */
export async function openContentStore(
  location: string,
  sshConfig = process.env.TSUGI_SSH_CONFIG,
): Promise<ContentStore> {
  if (location.startsWith("ssh://")) {
    const { SshFolder } = await import("./ssh.ts");
    return new ContentStore(new SshFolder(location, sshConfig));
  }
  refuseOtherScheme(location);
  return new ContentStore(namingErrors(new Directory(resolve(location))));
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
  return /^(ssh|oci):\/\//.test(store) ? store : resolve(project, store);
}

/** `s3://…` is no folder of that name. */
function refuseOtherScheme(location: string): void {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(location)?.[1];
  if (scheme !== undefined && !["ssh", "oci"].includes(scheme)) {
    throw new TsugiError("TSUGI_STORE_SCHEME", { store: location, scheme });
  }
}
