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
import { mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { TsugiError } from "../contract/errors.ts";
import { type OpenedRelease, visitRelease } from "../pack/inspect.ts";
import { isoNow } from "../platform/clock.ts";
import { sha256OfFile } from "../platform/sha256.ts";
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
import type { StoreReader } from "./reader.ts";
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
export async function push(store: StoreReader, { source, onStep }: PushRequest): Promise<Pushed> {
  const { files } = store;
  const id = randomBytes(8).toString("hex");
  const folder = await mkdtemp(join(tmpdir(), "tsugi-push-"));
  const contents: Contents = { source, folder, wanted: new Map() };
  const tarball = await tarballFacts(source);
  let parcel: Parcel | undefined;
  let lacking: Run[] = [];
  try {
    onStep?.(`Reading ${source}`);
    await visitRelease(source, {
      opened: async (opened) => {
        const { name, version } = opened.manifest;
        const present = await store.lookUp(name, version);
        if (present !== undefined) refuseOther(store, present, opened);
        parcel = parcelOf(opened, tarball, present);
        await files.put(one(pushMarker(id, blobsOf(parcel.stored))));
        lacking = await missing(store, parcel);
        contents.wanted = filesOf(lacking, folder);
        // Also where the release is there: a blob of it may have been lost.
        return present === undefined || lacking.length > 0;
      },
      copyTo: ({ path }) => contents.wanted.get(path),
    });
    const { stored } = parcel!;
    const { name, version, releaseId } = stored;
    onStep?.(`Pushing ${name} ${version} to ${store.where}`);
    const moved = await upload(store, id, parcel!, lacking, contents);
    const already = !(await publish(store, parcel!));
    return { name, version, releaseId, already, blobs: new Set(blobsOf(stored)).size, moved };
  } finally {
    await rm(folder, { recursive: true, force: true });
    // Where that can't be done any more, a prune does it a day later.
    await files.remove([pushMarker(id, []).path]).catch(() => {});
  }
}

async function tarballFacts(source: string): Promise<StoredRelease["tarball"]> {
  const info = await stat(source).catch(() => undefined);
  if (!info?.isFile()) return undefined;
  return { bytes: info.size, sha256: await sha256OfFile(source) };
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

/** @throws TSUGI_STORE_CONFLICT where `present` is another release */
export function refuseOther(
  store: { where: string },
  present: { name: string; version: string; releaseId: string },
  offered: { releaseId: string },
): void {
  if (present.releaseId === offered.releaseId) return;
  throw new TsugiError("TSUGI_STORE_CONFLICT", {
    store: store.where,
    name: present.name,
    version: present.version,
    found: present.releaseId.slice(0, 12),
    offered: offered.releaseId.slice(0, 12),
  });
}

/** The runs whose blobs are not there; that of the manifest is one without files. */
async function missing({ files }: StoreReader, { stored, runs }: Parcel): Promise<Run[]> {
  const all = [...runs, { blob: stored.manifest, files: [] }];
  const there = await files.present(all.map(({ blob }) => STORE.blob(blob)));
  return all.filter(({ blob }) => !there.has(STORE.blob(blob)));
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
  store: StoreReader,
  id: string,
  parcel: Parcel,
  first: Run[],
  contents: Contents,
): Promise<Pushed["moved"]> {
  const moved = { blobs: 0, bytes: 0 };
  const count = ({ bytes }: NewFile) => {
    moved.blobs += 1;
    moved.bytes += bytes.length;
  };
  let lacking = first;
  for (let look = 1; lacking.length > 0; look += 1) {
    if (look > MOST_LOOKS) throw unsteady(store);
    await takeOut(lacking, contents, look);
    await store.files.put(blobsFor(lacking, parcel, contents, count));
    await store.files.put(one(pushMarker(id, blobsOf(parcel.stored))));
    lacking = await missing(store, parcel);
  }
  return moved;
}

const unsteady = (store: StoreReader) =>
  new TsugiError("TSUGI_STORE_FAILED", {
    store: store.where,
    problem: "what was written was gone a moment later",
  });

/** Once more from the source: what was there at the first look and is not any more. */
async function takeOut(runs: Run[], { source, folder, wanted }: Contents, look: number) {
  const isNew = (run: Run) => run.files.some(({ path }) => !wanted.has(path));
  const more = filesOf(runs.filter(isNew), join(folder, String(look)));
  if (more.size === 0) return;
  await mkdir(join(folder, String(look)));
  await visitRelease(source, {
    opened: async () => true,
    copyTo: ({ path }) => more.get(path),
  });
  for (const [path, file] of more) wanted.set(path, file);
}

async function* blobsFor(
  runs: readonly Run[],
  { stored, opened }: Parcel,
  { wanted }: Contents,
  count: (file: NewFile) => void,
): AsyncGenerator<NewFile> {
  const sent = new Set<string>();
  for (const { blob, files } of runs) {
    if (sent.has(blob)) continue;
    sent.add(blob);
    const content =
      blob === stored.manifest
        ? Buffer.from(opened.manifestBytes)
        : Buffer.concat(await Promise.all(files.map((file) => contentOf(file, wanted))));
    const packed = { path: STORE.blob(blob), bytes: await gzipAsync(content) };
    count(packed);
    yield packed;
  }
}

const contentOf = ({ path }: ManifestFile, wanted: Map<string, string>): Promise<Buffer> =>
  readFile(wanted.get(path)!);

/** @returns false where the store has had the same release before, or since a moment */
async function publish(store: StoreReader, { stored, present, opened }: Parcel): Promise<boolean> {
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
