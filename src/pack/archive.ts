/** Takes single files out of a .tar.gz or .tar.xz. */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { spawnChild } from "../platform/spawn.ts";

/** `wanted` says under which name a file is taken, or undefined. */
export async function filesOfTar(
  archive: string,
  wanted: (path: string) => string | undefined,
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const tar = extract();
  const ended = archive.endsWith(".xz")
    ? pipeline(unxz(archive), tar)
    : pipeline(createReadStream(archive), createGunzip(), tar);
  ended.catch(() => {}); // it is thrown below, unless reading it has failed first
  for await (const entry of tar) {
    const name = entry.header.type === "file" ? wanted(entry.header.name) : undefined;
    if (name === undefined) entry.resume();
    else found.set(name, await buffer(entry));
  }
  await ended;
  return found;
}

function unxz(archive: string): Readable {
  const child = spawnChild("xz", ["-dc", archive], { stdio: ["ignore", "pipe", "inherit"] });
  child.on("error", (error) => child.stdout.destroy(error));
  return child.stdout;
}
