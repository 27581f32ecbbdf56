/** Node from a mirror of nodejs.org/dist, held against its SHASUMS256.txt. */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { messageOf, TsugiError } from "../../contract/errors.ts";
import { filesOfTar } from "../../pack/archive.ts";
import { sha256OfFile } from "../../platform/sha256.ts";

export async function runtimeFromMirror(
  mirror: string,
  version: string,
  platform: string,
  temporary: string,
): Promise<Map<string, Buffer>> {
  const base = `${mirror.replace(/\/$/, "")}/v${version}`;
  const unavailable = (problem: string) =>
    new TsugiError("TSUGI_RUNTIME_UNAVAILABLE", { version, platform, from: base, problem });
  const get = async (name: string) => {
    const response = await fetch(`${base}/${name}`).catch((error: Error) => {
      throw unavailable(messageOf(error.cause ?? error));
    });
    if (!response.ok || !response.body) throw unavailable(`${name}: HTTP ${response.status}`);
    return response;
  };
  const sums = await (await get("SHASUMS256.txt")).text();
  const listed = new Map(
    sums.split("\n").map((line) => line.trim().split(/\s+/).reverse() as [string, string]),
  );
  const name = [`node-v${version}-${platform}.tar.gz`, `node-v${version}-${platform}.tar.xz`].find(
    (candidate) => listed.has(candidate),
  );
  if (name === undefined) throw unavailable(`SHASUMS256.txt lists no archive for ${platform}`);
  const archive = join(temporary, name);
  const { body } = await get(name);
  await pipeline(Readable.fromWeb(body as never), createWriteStream(archive));
  const found = await sha256OfFile(archive);
  if (found !== listed.get(name)) {
    throw unavailable(`${name} has sha256 ${found}, SHASUMS256.txt says ${listed.get(name)}`);
  }
  const top = name.replace(/\.tar\.[gx]z$/, "");
  return filesOfTar(archive, (path) =>
    path === `${top}/bin/node` ? "bin/node" : path === `${top}/LICENSE` ? "LICENSE" : undefined,
  );
}
