/** Takes single files out of a .tar.gz or .tar.xz. */
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";

/** `wanted` says under which name a file is taken, or undefined. */
export async function filesOfTar(
  archive: string,
  wanted: (path: string) => string | undefined,
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const tar = extract();
  tar.on("entry", (header, stream, next) => {
    const name = header.type === "file" ? wanted(header.name) : undefined;
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: unknown) => {
      if (name !== undefined) chunks.push(chunk as Buffer);
    });
    stream.on("end", () => {
      if (name !== undefined) found.set(name, Buffer.concat(chunks));
      next();
    });
    stream.on("error", next);
  });
  if (archive.endsWith(".xz")) await pipeline(unxz(archive), tar);
  else await pipeline(createReadStream(archive), createGunzip(), tar);
  return found;
}

function unxz(archive: string): Readable {
  const child = spawn("xz", ["-dc", archive], { stdio: ["ignore", "pipe", "inherit"] });
  child.on("error", (error) => child.stdout.destroy(error));
  return child.stdout;
}
