/** A store: releases by name and version, in a folder or behind ssh. */
import type { StoredRelease } from "../release/stored.ts";
import { type Pruned, type PruneRequest, prune } from "./prune.ts";
import { type Pulled, type PullRequest, pull } from "./pull.ts";
import { type Pushed, type PushRequest, push } from "./push.ts";
import { StoreReader } from "./reader.ts";

export class Store extends StoreReader {
  push(request: PushRequest): Promise<Pushed> {
    return push(this, request);
  }

  pull(stored: StoredRelease, request: PullRequest): Promise<Pulled> {
    return pull(this, stored, request);
  }

  prune(request: PruneRequest): Promise<Pruned> {
    return prune(this, request);
  }
}
