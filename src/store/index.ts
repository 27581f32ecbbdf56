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
import type { StoreFiles } from "./files.ts";
import { LayoutRepository } from "./layout.ts";
import { namingErrors } from "./named.ts";
import type { Repository } from "./repository.ts";
import { Store } from "./store.ts";

export type { StoredFacts } from "../oci/artefact.ts";
export type { Pulled } from "./pull.ts";
export { parsePlace, parseSshAddress, type StoreReference } from "./reference.ts";
export type { Store } from "./store.ts";

/**
 * `location`: a folder; ssh://[user@]host[:port]/folder, which `sshConfig` says how to reach where
 * ~/.ssh/config does not; or oci://registry/repository, of one app.
 */
export const openStore = async (
  location: string,
  sshConfig = process.env.TSUGI_SSH_CONFIG,
): Promise<Store> => new Store(await openRepository(location, sshConfig));

async function openRepository(location: string, sshConfig?: string): Promise<Repository> {
  if (!location.startsWith("oci://")) {
    return new LayoutRepository(await openFolder(location, sshConfig));
  }
  const { RegistryRepository } = await import("./registry.ts");
  return new RegistryRepository(location);
}

/** A folder, here or behind ssh. */
export async function openFolder(location: string, sshConfig?: string): Promise<StoreFiles> {
  if (location.startsWith("ssh://")) {
    const { SshFolder } = await import("./ssh.ts");
    return new SshFolder(location, sshConfig);
  }
  refuseOtherScheme(location);
  return namingErrors(new Directory(resolve(location)));
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
