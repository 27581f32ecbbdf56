/** A store that is elsewhere, read by way of what this machine has kept of it. */
import { createReadStream } from "node:fs";
import type { ReleaseSource } from "../oci/source.ts";
import { keptBlob } from "../pack/keptBlob.ts";
import type { Repository } from "./repository.ts";

export function kept(repository: Repository) {
  const moved = { blobs: 0, bytes: 0 };
  const read: ReleaseSource["read"] = async (layer, begin) => {
    if (repository.isHere) return repository.read(layer, begin);
    const { path, isNew } = await keptBlob(repository, layer);
    if (isNew) {
      moved.blobs += 1;
      moved.bytes += layer.size;
    }
    const write = await begin();
    for await (const chunk of createReadStream(path)) await write(chunk as Uint8Array);
  };
  return { where: repository.where, moved, read };
}
