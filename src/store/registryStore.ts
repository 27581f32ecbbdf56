/**
 * A store that is a repository in a registry: one application, a tag for each version, and `latest`.
 * The layers of a release are the parts of its tarball (oci/artefact.ts), so that only those travel
 * that are not there.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { OciClient } from "../oci/client.ts";
import { LATEST, parseOciReference } from "../oci/reference.ts";
import { type FoundRelease, lookUp, lookUpVersion, takeHead, takeTarball } from "../oci/take.ts";
import {
  type OpenedRelease,
  type TrustCheck,
  type Verified,
  verifiedOf,
  visitRelease,
} from "../pack/inspect.ts";
import { silentReport } from "../pack/report.ts";
import { type Sign, signTarball } from "../pack/signRelease.ts";
import { renameDurably } from "../platform/files.ts";
import type { StoredManifest } from "../release/storedFiles.ts";
import type { Pruned, PruneRequest } from "./prune.ts";
import { factsOf, type Pulled, type PullRequest } from "./pull.ts";
import { type Pushed, type PushRequest, refuseOther } from "./push.ts";
import type { ReleaseName } from "./reader.ts";
import { pushToRegistry } from "./registryPush.ts";
import type { Store } from "./store.ts";

/** Manifests that are asked for at once. */
const AT_ONCE = 8;

export class RegistryStore implements Store<FoundRelease> {
  readonly #client: OciClient;

  /** @throws TSUGI_OCI_REFERENCE */
  constructor(location: string) {
    const { host, repository, reference } = parseOciReference(location);
    if (reference !== undefined) throw new TsugiError("TSUGI_OCI_REFERENCE", { text: location });
    this.#client = new OciClient({ host, repository });
  }

  get where(): string {
    return this.#client.where;
  }

  async list(name?: string): Promise<FoundRelease[]> {
    const tags = (await this.#client.tags()).filter((tag) => tag !== LATEST);
    const found: FoundRelease[] = [];
    for (let at = 0; at < tags.length; at += AT_ONCE) {
      const some = tags.slice(at, at + AT_ONCE).map((tag) => this.#releaseAt(tag));
      found.push(...(await Promise.all(some)).filter((release) => release !== undefined));
    }
    return found
      .filter((release) => name === undefined || release.name === name)
      .sort((a, b) => (a.pushedAt < b.pushedAt ? 1 : -1));
  }

  async find({ name, version }: ReleaseName): Promise<FoundRelease> {
    const isVersion = name !== undefined && version !== LATEST;
    const found = await (isVersion ? lookUpVersion : lookUp)(this.#client, version);
    if (found !== undefined && found.name === (name ?? found.name)) return found;
    throw new TsugiError("TSUGI_NOT_IN_STORE", { store: this.where, name: name ?? "", version });
  }

  manifest(found: FoundRelease): Promise<StoredManifest> {
    return inFolder(async (folder) => {
      const head = join(folder, "head.tar.gz");
      await takeHead(this.#client, found, head);
      const opened = await visitRelease(head, { opened: async () => false, copyTo: nowhere });
      refuseOther(this, found, opened);
      return opened;
    });
  }

  push(request: PushRequest): Promise<Pushed> {
    return pushToRegistry(this.#client, request);
  }

  async pull(
    found: FoundRelease,
    { target, refuseUntrusted, report = silentReport }: PullRequest,
  ): Promise<Pulled> {
    const { name, version, releaseId, tarball, layers } = found;
    const facts = { name, version, releaseId, file: target, ...tarball, sameBytes: true };
    if ((await factsOf(target))?.sha256 === tarball.sha256) {
      return { ...facts, already: true, moved: { blobs: 0, bytes: 0 } };
    }
    report.step(`Pulling ${name} ${version} from ${this.where}`);
    await mkdir(dirname(target), { recursive: true });
    const temporary = `${target}.${process.pid}.tmp`;
    try {
      await this.#take(found, temporary, refuseUntrusted);
      await renameDurably("store.pull", temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
    return { ...facts, already: false, moved: { blobs: layers.length, bytes: tarball.bytes } };
  }

  verify(found: FoundRelease, refuseUntrusted?: TrustCheck): Promise<OpenedRelease> {
    return inFolder((folder) => this.#take(found, join(folder, "release"), refuseUntrusted));
  }

  /** Its first layer is another one then; the others are there. */
  sign(found: FoundRelease, sign: Sign): Promise<Verified> {
    return inFolder(async (folder) => {
      const target = join(folder, "release.tar.gz");
      const opened = await this.#take(found, target);
      const signature = await signTarball(target, sign);
      await this.push({ source: target });
      return verifiedOf({ ...opened, signature });
    });
  }

  /** What the removed ones alone were made of goes when the registry collects its garbage. */
  async prune({ keep, name, dryRun }: PruneRequest): Promise<Pruned<FoundRelease>> {
    const releases = await this.list(name);
    const [kept, removed] = [releases.slice(0, keep), releases.slice(keep)];
    for (const { digest } of dryRun ? [] : removed) {
      if (await this.#client.deleteManifest(digest)) continue;
      const problem = "it does not let anybody remove a release";
      throw new TsugiError("TSUGI_STORE_FAILED", { store: this.where, problem });
    }
    return { removed, kept, freedBytes: null };
  }

  async close(): Promise<void> {}

  /** Something else under a tag of its own is nobody's business. */
  #releaseAt(tag: string): Promise<FoundRelease | undefined> {
    return lookUp(this.#client, tag).catch((error) => {
      if (error instanceof TsugiError && error.code === "TSUGI_STORE_DAMAGED") return undefined;
      throw error;
    });
  }

  /** All of it, held against its manifest. */
  async #take(found: FoundRelease, target: string, refuseUntrusted: TrustCheck = async () => {}) {
    await takeTarball(this.#client, found, target);
    return visitRelease(target, {
      opened: async (release) => {
        refuseOther(this, found, release);
        await refuseUntrusted(release);
        return true;
      },
      copyTo: nowhere,
    });
  }
}

const nowhere = () => undefined;

async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "tsugi-registry-"));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
