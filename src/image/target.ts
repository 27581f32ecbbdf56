/** Where an image is written to: a registry, a layout in a folder, or one as a file that `docker load` reads. */
import { randomBytes } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { OciClient } from "../oci/client.ts";
import { parseOciReference } from "../oci/reference.ts";
import { writeDockerArchive } from "./dockerArchive.ts";
import { LayoutFolder } from "./layoutFolder.ts";

export type ImageTarget = Pick<OciClient, "where" | "manifest" | "has" | "putManifest"> & {
  put(digest: string, body: Blob): Promise<unknown>;
};

export interface OpenedTarget {
  target: ImageTarget;
  tag: string | undefined;
  /** Once all is in it. */
  done(): Promise<void>;
  close(): Promise<void>;
}

const nothing = async () => {};

/** `oci://registry/app[:tag]`. @throws TSUGI_OCI_REFERENCE */
export function registryTarget(named: string): OpenedTarget {
  const { reference: tag, ...repository } = parseOciReference(named);
  return { target: new OciClient(repository), tag, done: nothing, close: nothing };
}

/** A folder that may have other images, or a `.tar` that is written anew. */
export function fileTarget(path: string): OpenedTarget {
  const place = resolve(path);
  if (!place.endsWith(".tar")) {
    return { target: new LayoutFolder(place), tag: undefined, done: nothing, close: nothing };
  }
  const folder = `${place}.${randomBytes(6).toString("hex")}.tmp`;
  const file = `${folder}.tar`;
  const layout = new LayoutFolder(folder);
  const target: ImageTarget = {
    where: place,
    manifest: (reference) => layout.manifest(reference),
    has: (digest) => layout.has(digest),
    put: (digest, body) => layout.put(digest, body),
    putManifest: (tag, bytes, type) => layout.putManifest(tag, bytes, type),
  };
  return {
    target,
    tag: undefined,
    done: async () => {
      await writeDockerArchive(layout, file);
      await rename(file, place);
    },
    close: async () => {
      for (const left of [folder, file]) await rm(left, { recursive: true, force: true });
    },
  };
}
