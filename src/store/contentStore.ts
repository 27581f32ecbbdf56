/** A store of contents: a folder here or behind ssh (release/stored.ts has its layout). */
import type { OpenedRelease, TrustCheck, Verified } from "../pack/inspect.ts";
import type { Sign } from "../pack/signRelease.ts";
import type { StoredRelease } from "../release/stored.ts";
import { type Pruned, type PruneRequest, prune } from "./prune.ts";
import { type Pulled, type PullRequest, pull, verifyStored } from "./pull.ts";
import { type Pushed, type PushRequest, push } from "./push.ts";
import { StoreReader } from "./reader.ts";
import { signStored } from "./sign.ts";
import type { Store } from "./store.ts";

export class ContentStore extends StoreReader implements Store<StoredRelease> {
  push(request: PushRequest): Promise<Pushed> {
    return push(this, request);
  }

  pull(stored: StoredRelease, request: PullRequest): Promise<Pulled> {
    return pull(this, stored, request);
  }

  verify(stored: StoredRelease, refuseUntrusted?: TrustCheck): Promise<OpenedRelease> {
    return verifyStored(this, stored, refuseUntrusted);
  }

  sign(stored: StoredRelease, sign: Sign): Promise<Verified> {
    return signStored(this, stored, sign);
  }

  prune(request: PruneRequest): Promise<Pruned<StoredRelease>> {
    return prune(this, request);
  }
}
