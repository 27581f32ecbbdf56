/**
 * push: content first, the release last.
 *
 *   hold the release against its manifest, taking out what the store lacks
 *     → pushes/<id>.json      what this push counts on, for a prune (see trash.ts)
 *     → blobs/<sha256>.gz     those that are not there
 *     → look again            a prune may have been quicker
 *     → releases/<name>/<version>.json, created: of two pushes of a version, one is first
 *
 * Cut off anywhere, it leaves blobs that the next push finds, or that a prune removes.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type OpenedRelease, visitRelease } from "../build/inspect.ts";
import { sha256Of } from "../build/runtimeSources/mirror.ts";
import { TsugiError } from "../errors.ts";
import { isoNow } from "../platform/clock.ts";
import type { ManifestFile } from "../release/manifest.ts";
import {
  blobsOf,
  cutIntoRuns,
  manifestBlobOf,
  type Run,
  STORE,
  STORE_FORMAT,
  type StoredRelease,
} from "../release/stored.ts";
import type { NewFile } from "./files.ts";
import type { Store } from "./store.ts";
import { pushMarker } from "./trash.ts";

export interface PushRequest {
  /** A tarball, or a tree that has the release. */
  source: string;
  onStep?: (text: string) => void;
}

export interface Pushed {
  name: string;
  version: string;
  releaseId: string;
  /** The store had this very release. */
  already: boolean;
  blobs: number;
  /** What was not there yet, as it went over the wire. */
  moved: { blobs: number; bytes: number };
}

interface Parcel {
  stored: StoredRelease;
  /** The store had this release before. */
  present: StoredRelease | undefined;
  opened: OpenedRelease;
  runs: Run[];
}

const gzipAsync = promisify(gzip);
/** Again where a prune was quicker: once in a blue moon, so that more than this is something else. */
const MOST_LOOKS = 5;

/** @throws TSUGI_STORE_CONFLICT, TSUGI_RELEASE_DIFFERS, TSUGI_RELEASE_UNREADABLE */
export async function push(store: Store, { source, onStep }: PushRequest): Promise<Pushed> {
  const { files } = store;
  const id = randomBytes(8).toString("hex");
  const folder = await mkdtemp(join(tmpdir(), "tsugi-push-"));
  const contents: Contents = { source, folder, wanted: new Map() };
  const tarball = await tarballFacts(source);
  let parcel: Parcel | undefined;
  try {
    onStep?.(`Reading ${source}`);
    await visitRelease(source, {
      opened: async (opened) => {
        const { name, version } = opened.manifest;
        const present = await store.lookUp(name, version);
        if (present !== undefined) refuseOther(store, present, opened);
        parcel = parcelOf(opened, tarball, present);
        await files.put(one(pushMarker(id, blobsOf(parcel.stored))));
        const lacking = await missingRuns(store, parcel);
        contents.wanted = filesOf(lacking, folder);
        // Also where the release is there: a blob of it may have been lost.
        return present === undefined || lacking.length > 0;
      },
      copyTo: ({ path }) => contents.wanted.get(path),
    });
    const { stored } = parcel!;
    const { name, version, releaseId } = stored;
    onStep?.(`Pushing ${name} ${version} to ${store.where}`);
    const moved = await upload(store, id, parcel!, contents);
    const already = !(await publish(store, parcel!));
    return { name, version, releaseId, already, blobs: blobsOf(stored).length, moved };
  } finally {
    await rm(folder, { recursive: true, force: true });
    await files.remove([pushMarker(id, []).path]);
  }
}

async function tarballFacts(source: string): Promise<StoredRelease["tarball"]> {
  const info = await stat(source).catch(() => undefined);
  if (!info?.isFile()) return undefined;
  return { bytes: info.size, sha256: await sha256Of(source) };
}

function parcelOf(
  opened: OpenedRelease,
  tarball: StoredRelease["tarball"],
  present: StoredRelease | undefined,
): Parcel {
  const { manifest, signature, releaseId } = opened;
  const runs = cutIntoRuns(manifest.files);
  const stored: StoredRelease = {
    format: STORE_FORMAT,
    name: manifest.name,
    version: manifest.version,
    releaseId,
    kind: manifest.kind,
    platform: manifest.runtime.platform,
    pushedAt: present?.pushedAt ?? isoNow(),
    bytes: manifest.files.reduce((sum, { size }) => sum + size, 0),
    ...(tarball === undefined ? {} : { tarball }),
    ...(signature === undefined ? {} : { signature }),
    manifest: manifestBlobOf(releaseId),
    runs: runs.map(({ blob, files }) => ({ blob, files: files.length })),
  };
  return { stored, present, opened, runs };
}

function refuseOther(store: Store, present: StoredRelease, offered: { releaseId: string }): void {
  if (present.releaseId === offered.releaseId) return;
  throw new TsugiError("TSUGI_STORE_CONFLICT", {
    store: store.where,
    name: present.name,
    version: present.version,
    found: present.releaseId.slice(0, 12),
    offered: offered.releaseId.slice(0, 12),
  });
}

async function missingRuns(store: Store, { runs }: Parcel): Promise<Run[]> {
  const there = await store.files.present(runs.map(({ blob }) => STORE.blob(blob)));
  return runs.filter(({ blob }) => !there.has(STORE.blob(blob)));
}

/** Where the contents of these runs go meanwhile. */
function filesOf(runs: readonly Run[], folder: string): Map<string, string> {
  const files = runs.flatMap((run) => run.files);
  return new Map(files.map(({ path }, index) => [path, join(folder, String(index))]));
}

interface Contents {
  source: string;
  folder: string;
  wanted: Map<string, string>;
}

/** Until all is there at one look, made after the marker was written anew. */
async function upload(
  store: Store,
  id: string,
  parcel: Parcel,
  contents: Contents,
): Promise<Pushed["moved"]> {
  const moved = { blobs: 0, bytes: 0 };
  const count = ({ bytes }: NewFile) => {
    moved.blobs += 1;
    moved.bytes += bytes.length;
  };
  for (let look = 1; ; look += 1) {
    const lacking = await missingRuns(store, parcel);
    const manifest = STORE.blob(parcel.stored.manifest);
    const needsManifest = !(await store.files.present([manifest])).has(manifest);
    if (lacking.length === 0 && !needsManifest) return moved;
    if (look > MOST_LOOKS) throw unsteady(store);
    const fresh = lacking.filter((run) => run.files.some(({ path }) => !contents.wanted.has(path)));
    if (fresh.length > 0) await takeOut(fresh, contents, look);
    await store.files.put(blobsFor(lacking, needsManifest ? parcel : undefined, contents, count));
    await store.files.put(one(pushMarker(id, blobsOf(parcel.stored))));
  }
}

const unsteady = (store: Store) =>
  new TsugiError("TSUGI_STORE_FAILED", {
    store: store.where,
    problem: "what was written was gone a moment later",
  });

/** What was there at the first look and is not at a later one. */
async function takeOut(runs: Run[], { source, folder, wanted }: Contents, look: number) {
  const more = new Map(
    [...filesOf(runs, folder)].map(([path, file]) => [path, `${file}.${look}`] as const),
  );
  await visitRelease(source, {
    opened: async () => true,
    copyTo: ({ path }) => more.get(path),
  });
  for (const [path, file] of more) wanted.set(path, file);
}

async function* blobsFor(
  runs: readonly Run[],
  withManifest: Parcel | undefined,
  { wanted }: Contents,
  count: (file: NewFile) => void,
): AsyncGenerator<NewFile> {
  const packed = async (blob: string, content: Uint8Array) => {
    const file = { path: STORE.blob(blob), bytes: await gzipAsync(content) };
    count(file);
    return file;
  };
  const sent = new Set<string>();
  for (const { blob, files } of runs) {
    if (sent.has(blob)) continue;
    sent.add(blob);
    const parts = await Promise.all(files.map((file) => contentOf(file, wanted)));
    yield packed(blob, Buffer.concat(parts));
  }
  if (withManifest === undefined) return;
  const { stored, opened } = withManifest;
  yield packed(stored.manifest, Buffer.from(opened.manifestBytes));
}

const contentOf = ({ path }: ManifestFile, wanted: Map<string, string>): Promise<Buffer> =>
  readFile(wanted.get(path)!);

/** @returns false where the store has had the same release before, or since a moment */
async function publish(store: Store, { stored, present, opened }: Parcel): Promise<boolean> {
  const path = STORE.release(stored.name, stored.version);
  const file = { path, bytes: Buffer.from(`${JSON.stringify(stored, null, 1)}\n`) };
  if (present !== undefined) {
    // It may have been pushed before it was signed.
    const isNew = opened.signature !== undefined && opened.signature !== present.signature;
    if (isNew) await store.files.put(one(file));
    return isNew;
  }
  while (!(await store.files.create(file))) {
    const first = await store.lookUp(stored.name, stored.version);
    if (first === undefined) continue; // Pruned in this moment.
    refuseOther(store, first, opened);
    return false;
  }
  return true;
}

async function* one(file: NewFile): AsyncGenerator<NewFile> {
  yield file;
}
