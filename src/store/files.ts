import type { LayoutFiles } from "../oci/layout.ts";

/**
 * What a store asks of the place where it lies: few verbs on whole files, so that a folder and a
 * folder behind ssh can both do them. Paths are relative to the store and made by us alone.
 *
 * `put` and `create` leave a whole file or none, whatever happens while they work: the bytes are
 * written under `.tsugi/tmp/`, synced, then renamed or linked into place.
 */
export interface StoreFiles extends LayoutFiles {
  /** Reading it moves nothing over a network that we know of. */
  readonly isHere: boolean;
  /** Files and folders in a folder; none where there is no such folder. */
  list(folder: string): Promise<Listed[]>;
  /** Every path that is there. */
  present(paths: readonly string[]): Promise<Set<string>>;
  /** SHA-256 of every one that is there: computed where they lie, so that no bytes come here. */
  sums(paths: readonly string[]): Promise<Map<string, string>>;
  /** The clock of the place: a shared disk's is not always ours. Writes for it. */
  nowMs(): Promise<number>;
  put(files: readonly NewFile[]): Promise<void>;
  /** @returns false where a file of that name is there already */
  create(file: NewFile): Promise<boolean>;
  remove(paths: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface Listed {
  name: string;
  bytes: number;
  /** By the clock of the place. */
  changedMs: number;
}

export interface NewFile {
  path: string;
  bytes: Uint8Array;
}

/** What is ours in a folder whose layout is everybody's. */
export const OWN = {
  folder: ".tsugi",
  /** Not yet whole; a rename puts it into its place. */
  temporary: ".tsugi/tmp",
  lock: ".tsugi/lock",
  /** The blobs that a push under way counts on. */
  pushes: ".tsugi/pushes",
} as const;
