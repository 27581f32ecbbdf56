/** Where releases lie as OCI content: a repository in a registry, or an image layout in a folder. */
import { createHash } from "node:crypto";
import { TsugiError } from "../contract/errors.ts";

export interface Descriptor {
  mediaType: string;
  /** `sha256:` and 64 hex digits */
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

/** What is read or written of it. */
export type Content = Pick<Descriptor, "digest" | "size">;

export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

/** Of manifests, one for each platform. */
export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

export const digestOf = (bytes: Uint8Array | string): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export interface ReleaseSource {
  /** As the user wrote it, for messages. */
  readonly where: string;
  /**
   * `write` gets the bytes as they come; `begin` is called before the first of them, also where they come
   * from the first one again. @throws TSUGI_STORE_DAMAGED for other bytes than those that were asked for
   */
  read(content: Content, begin: () => Promise<(chunk: Uint8Array) => Promise<void>>): Promise<void>;
}

export const storeDamaged = (file: string, problem: string): TsugiError =>
  new TsugiError("TSUGI_STORE_DAMAGED", { file, problem });
