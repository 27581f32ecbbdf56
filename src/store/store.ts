/** A store: releases by name and version, wherever it keeps them. */
import type { OpenedRelease, TrustCheck, Verified } from "../pack/inspect.ts";
import type { Sign } from "../pack/signRelease.ts";
import type { StoredFacts } from "../release/stored.ts";
import type { StoredManifest } from "../release/storedFiles.ts";
import type { Pruned, PruneRequest } from "./prune.ts";
import type { Pulled, PullRequest } from "./pull.ts";
import type { Pushed, PushRequest } from "./push.ts";
import type { ReleaseName } from "./reader.ts";

/** `Found`: a release as this store knows it. */
export interface Store<Found extends StoredFacts = StoredFacts> {
  readonly where: string;
  /** Of one app or of all; by name, the newest push first. */
  list(name?: string): Promise<Found[]>;
  /** @throws TSUGI_NOT_IN_STORE */
  find(release: ReleaseName): Promise<Found>;
  /** Kilobytes: nothing else of the release is read. */
  manifest(found: Found): Promise<StoredManifest>;
  push(request: PushRequest): Promise<Pushed>;
  pull(found: Found, request: PullRequest): Promise<Pulled>;
  /** Reads all of it and keeps nothing. @throws TSUGI_STORE_DAMAGED, TSUGI_SIGNATURE_REFUSED */
  verify(found: Found, refuseUntrusted?: TrustCheck): Promise<OpenedRelease>;
  sign(found: Found, sign: Sign): Promise<Verified>;
  prune(request: PruneRequest): Promise<Pruned<Found>>;
  close(): Promise<void>;
}
