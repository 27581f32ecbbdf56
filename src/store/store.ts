/** A store: releases by name and version, in a registry or in a folder, here or behind ssh. */
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { newestFirst } from "../oci/layout.ts";
import { type FoundRelease, notInStore } from "../oci/take.ts";
import { type OpenedRelease, type TrustCheck, type Verified, verifiedOf } from "../pack/inspect.ts";
import { type Sign, signTarball } from "../pack/signRelease.ts";
import { inFolder } from "./inFolder.ts";
import { openStored, type Pulled, type PullRequest, pull, takeVerified } from "./pull.ts";
import { type Pushed, type PushRequest, push } from "./push.ts";
import type { ListedRelease, ReleaseName, Repository } from "./repository.ts";

export interface PruneRequest {
  /** So many of each app stay: those pushed last. What has a tag of somebody's own stays besides. */
  keep: number;
  /** Only of this app. */
  name?: string;
  /** Only says what would go. */
  dryRun?: boolean;
}

export interface Pruned {
  removed: FoundRelease[];
  kept: FoundRelease[];
  /** What the removed blobs took; null: not known, as of a dry run or in a registry. */
  freedBytes: number | null;
}

export class Store {
  readonly #repository: Repository;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  get where(): string {
    return this.#repository.where;
  }

  /** Of one app or of all; by name, the newest push first. */
  async list(name?: string): Promise<ListedRelease[]> {
    const releases = await this.#repository.releases();
    if (releases.length === 0) await this.#refuseIfGone();
    return releases
      .filter((release) => name === undefined || release.name === name)
      .sort((a, b) => (a.name === b.name ? newestFirst(a, b) : a.name < b.name ? -1 : 1));
  }

  /** @throws TSUGI_NOT_IN_STORE */
  async find(wanted: ReleaseName): Promise<FoundRelease> {
    const { name } = wanted;
    const found = await this.#repository.find(wanted);
    if (found !== undefined && found.name === (name ?? found.name)) return found;
    await this.#refuseIfGone();
    throw notInStore(this, wanted, found);
  }

  /** Kilobytes: nothing else of the release is read. */
  manifest(found: FoundRelease): Promise<OpenedRelease> {
    return openStored(this.#repository, found);
  }

  push(request: PushRequest): Promise<Pushed> {
    return push(this.#repository, request);
  }

  pull(found: FoundRelease, request: PullRequest): Promise<Pulled> {
    return pull(this.#repository, found, request);
  }

  /** Reads all of it and keeps nothing. @throws TSUGI_STORE_DAMAGED, TSUGI_SIGNATURE_REFUSED */
  verify(found: FoundRelease, refuseUntrusted?: TrustCheck): Promise<OpenedRelease> {
    return inFolder((folder) =>
      takeVerified(this.#repository, found, join(folder, "release.tar.gz"), refuseUntrusted),
    );
  }

  /** Its files are held against the manifest first. Only its first layer is another one then. */
  sign(found: FoundRelease, sign: Sign): Promise<Verified> {
    return inFolder(async (folder) => {
      const target = join(folder, "release.tar.gz");
      const opened = await takeVerified(this.#repository, found, target);
      const signature = await signTarball(target, sign);
      await this.push({ source: target });
      return verifiedOf({ ...opened, signature });
    });
  }

  async prune({ keep, name, dryRun }: PruneRequest): Promise<Pruned> {
    const releases = await this.list(name);
    // By versions: one that was signed later is there twice where a tag still names what it was.
    const isKept = ({ name: app, version, isTagged }: ListedRelease) => {
      const versions = releases.filter((other) => other.name === app).map((other) => other.version);
      return isTagged || [...new Set(versions)].indexOf(version) < keep;
    };
    const removed = releases.filter((release) => !isKept(release));
    const kept = releases.filter(isKept);
    const freedBytes = dryRun ? null : await this.#repository.remove(removed);
    return { removed, kept, freedBytes };
  }

  close(): Promise<void> {
    return this.#repository.close();
  }

  /** A disk that is not mounted is not an empty store. */
  async #refuseIfGone(): Promise<void> {
    if (await this.#repository.isThere()) return;
    const details = { store: this.where, problem: "there is no such folder" };
    throw new TsugiError("TSUGI_STORE_FAILED", details);
  }
}
