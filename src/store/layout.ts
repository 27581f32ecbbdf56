/**
 * An image layout in a folder, here or behind ssh (oci/layout.ts draws it). Blobs come first, under the
 * names that their bytes have; the release is there when index.json names it. That is written by one at a
 * time (turn.ts), and so is whatever is removed:
 *
 *   push                                       prune
 *   says which blobs it counts on              takes its turn
 *   looks which are there, writes the others   writes index.json without what goes
 *   takes its turn                             removes every blob that nothing in it leads to
 *   all there? no: looks again                 and no push counts on
 *   writes index.json, gives its turn back     gives its turn back
 *
 * Cut off anywhere, a push leaves blobs that the next one finds, or that a prune removes a day later.
 */
import { randomBytes } from "node:crypto";
import { hasCode, TsugiError } from "../contract/errors.ts";
import {
  ImageLayout,
  LAYOUT,
  type LayoutIndex,
  layoutTag,
  newestFirst,
  tagged,
  tagIn,
} from "../oci/layout.ts";
import { LATEST, tagOf } from "../oci/reference.ts";
import { type Content, type Descriptor, INDEX_TYPE, MANIFEST_TYPE } from "../oci/source.ts";
import type { FoundRelease } from "../oci/take.ts";
import { OWN, type StoreFiles } from "./files.ts";
import { reachable, referrersOf } from "./reachable.ts";
import { rebuilt } from "./rebuilt.ts";
import {
  isAsGood,
  type ListedRelease,
  type Offer,
  type Part,
  partOf,
  type ReleaseName,
  type Repository,
  refuseOther,
} from "./repository.ts";
import { inTurn, type StillOurs } from "./turn.ts";

/** What was half-written so long ago, or a push that has not ended since, is given up. */
const ABANDONED_MS = 24 * 3600 * 1000;
/** Removed in one go, before it is asked whether it is still our turn. */
const REMOVED_AT_ONCE = 500;

const EMPTY: LayoutIndex = {
  schemaVersion: 2,
  mediaType: INDEX_TYPE,
  manifests: [],
};

export class LayoutRepository implements Repository {
  readonly #files: StoreFiles;
  readonly #layout: ImageLayout;

  constructor(files: StoreFiles) {
    this.#files = files;
    this.#layout = new ImageLayout(files);
  }

  get where(): string {
    return this.#files.where;
  }

  get isHere(): boolean {
    return this.#files.isHere;
  }

  /** The folder, whatever is in it. */
  async isThere(): Promise<boolean> {
    return (await this.#files.present(["."])).size > 0;
  }

  async releases(): Promise<ListedRelease[]> {
    const index = await this.#layout.index();
    return (await this.#layout.releases(index)).map((release) => {
      const tags = index!.manifests.filter(isSame(release)).map(tagIn);
      return { ...release, isTagged: tags.some((tag) => isOwnTag(tag, release)) };
    });
  }

  async find({ name, version }: ReleaseName): Promise<FoundRelease | undefined> {
    if (name === undefined) throw new TsugiError("TSUGI_REFERENCE_INVALID", { text: version });
    return this.#layout.find(name, version);
  }

  /** Its tags are our own (`wall-1.2.0`), so that nobody else's is in the way; what lists them may be damaged. */
  async ready(): Promise<string | undefined> {
    const isDamaged = () =>
      this.#layout.index().then(
        () => false,
        (error) => {
          if (hasCode(error, "TSUGI_STORE_DAMAGED")) return true;
          throw error;
        },
      );
    if (!(await isDamaged())) return undefined;
    return inTurn(this.#files, async (stillOurs) => {
      if (!(await isDamaged())) return undefined;
      const [bytes] = await this.#files.read([LAYOUT.index]);
      await this.#files.put([{ path: `${LAYOUT.index}.damaged`, bytes: bytes! }]);
      const manifests = await this.#withLatest(await rebuilt(this.#files, this.#layout));
      await this.#writeIndex({ ...EMPTY, manifests }, stillOurs);
      return `${this.where}/${LAYOUT.index} was damaged: made anew from what lies there (it is kept as ${LAYOUT.index}.damaged)`;
    });
  }

  async countOn(contents: readonly Pick<Part, "digest">[]): Promise<() => Promise<void>> {
    const path = `${OWN.pushes}/${randomBytes(8).toString("hex")}`;
    const bytes = Buffer.from(contents.map(({ digest }) => digest).join("\n"));
    await this.#files.put([{ path, bytes }]);
    // Where that can't be done any more, a prune does it a day later.
    return () => this.#files.remove([path]).catch(() => {});
  }

  /** Also what is there with other bytes: a push is what repairs it. */
  async lacking(parts: readonly Part[]): Promise<Part[]> {
    const sums = await this.#files.sums(parts.map(({ digest }) => LAYOUT.blob(digest)));
    return parts.filter(({ digest }) => `sha256:${sums.get(LAYOUT.blob(digest))}` !== digest);
  }

  async put(parts: readonly Part[]): Promise<Part[]> {
    await this.#files.put(parts.map(({ digest, bytes }) => ({ path: LAYOUT.blob(digest), bytes })));
    return [...parts];
  }

  async publish({ release, document, parts }: Offer): Promise<"published" | "there" | "lacking"> {
    const manifest = partOf(document);
    await this.put([manifest]);
    return inTurn(this.#files, async (stillOurs) => {
      const index = await this.#layout.index();
      const { name, version } = release;
      const there = (await this.#layout.releases(index)).filter(
        (other) => other.name === name && other.version === version,
      );
      for (const other of there) refuseOther(this, other, release);
      if (there.some((other) => isAsGood(other, release))) return "there";
      // Whole a moment ago; this is others' turn, too.
      const paths = [...parts, manifest].map(({ digest }) => LAYOUT.blob(digest));
      if ((await this.#files.present(paths)).size < new Set(paths).size) return "lacking";
      const entry = { mediaType: MANIFEST_TYPE, digest: manifest.digest, size: manifest.size };
      const tags = [layoutTag(name, version), layoutTag(name, LATEST)];
      const others = (index ?? EMPTY).manifests.filter(
        (other) => !tags.includes(tagIn(other) ?? "") && !there.some(isSame(other)),
      );
      const manifests = [...others, ...tags.map((tag) => tagged(entry, tag))];
      await this.#writeIndex({ ...(index ?? EMPTY), manifests }, stillOurs);
      return "published";
    });
  }

  /** All of it is one write. */
  async complete(): Promise<void> {}

  async refer(entry: Descriptor, manifest: Part): Promise<void> {
    await this.put([manifest]);
    await inTurn(this.#files, async (stillOurs) => {
      const index = (await this.#layout.index()) ?? EMPTY;
      if (index.manifests.some(isSame(entry))) return;
      await this.#writeIndex({ ...index, manifests: [...index.manifests, entry] }, stillOurs);
    });
  }

  read(content: Content, begin: Parameters<ImageLayout["read"]>[1]): Promise<void> {
    return this.#layout.read(content, begin);
  }

  remove(releases: readonly FoundRelease[]): Promise<number> {
    return inTurn(this.#files, async (stillOurs) => {
      const index = await this.#layout.index();
      if (index === undefined) return 0;
      // Before anything goes: what can't be read stops it.
      await reachable(this.#layout, index);
      const gone = new Set(releases.map(({ digest }) => digest));
      for (const digest of await referrersOf(this.#layout, index, gone)) gone.add(digest);
      const manifests = index.manifests.filter(({ digest }) => !gone.has(digest));
      const left = { ...index, manifests: await this.#withLatest(manifests) };
      if (releases.length > 0) await this.#writeIndex(left, stillOurs);
      await this.#sweepAbandoned();
      const used = [...(await reachable(this.#layout, left)), ...(await this.#countedOn())];
      return this.#removeUnused(new Set(used), stillOurs);
    });
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  async #writeIndex(index: LayoutIndex, stillOurs: StillOurs): Promise<void> {
    const marker = Buffer.from('{"imageLayoutVersion":"1.0.0"}');
    const isMarked = (await this.#files.present([LAYOUT.marker])).size > 0;
    if (!isMarked) await this.#files.put([{ path: LAYOUT.marker, bytes: marker }]);
    await stillOurs();
    const bytes = Buffer.from(JSON.stringify(index));
    await this.#files.put([{ path: LAYOUT.index, bytes }]);
  }

  /** What was the latest may be gone: the newest that is left is it. */
  async #withLatest(manifests: Descriptor[]): Promise<Descriptor[]> {
    const releases = await this.#layout.releases({ manifests });
    const all = [...manifests];
    for (const name of new Set(releases.map((release) => release.name))) {
      const tag = layoutTag(name, LATEST);
      if (all.some((entry) => tagIn(entry) === tag)) continue;
      const [newest] = releases.filter((release) => release.name === name).sort(newestFirst);
      const entry = manifests.find(({ digest }) => digest === newest!.digest)!;
      all.push(tagged(entry, tag));
    }
    return all;
  }

  async #countedOn(): Promise<string[]> {
    const pushes = (await this.#files.list(OWN.pushes)).map(({ name }) => `${OWN.pushes}/${name}`);
    return (await this.#files.read(pushes)).flatMap((bytes) => String(bytes ?? "").split("\n"));
  }

  /** @returns the bytes that became free */
  async #removeUnused(used: ReadonlySet<string>, stillOurs: StillOurs): Promise<number> {
    const blobs = await this.#files.list(LAYOUT.blobs);
    const unused = blobs.filter(({ name }) => !used.has(`sha256:${name}`));
    for (let at = 0; at < unused.length; at += REMOVED_AT_ONCE) {
      await stillOurs();
      const some = unused.slice(at, at + REMOVED_AT_ONCE);
      await this.#files.remove(some.map(({ name }) => `${LAYOUT.blobs}/${name}`));
    }
    return unused.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async #sweepAbandoned(): Promise<void> {
    const oldest = (await this.#files.nowMs()) - ABANDONED_MS;
    for (const folder of [OWN.temporary, OWN.pushes]) {
      const old = (await this.#files.list(folder)).filter((one) => one.changedMs < oldest);
      await this.#files.remove(old.map(({ name }) => `${folder}/${name}`));
    }
  }
}

/** Neither its version, as other tools write it too, nor the latest. */
const isOwnTag = (tag: string | undefined, { name, version }: FoundRelease): boolean =>
  tag !== undefined &&
  ![version, LATEST].some((own) => tag === tagOf(own) || tag === layoutTag(name, own));

const isSame =
  ({ digest }: { digest: string }) =>
  (other: { digest: string }) =>
    other.digest === digest;
