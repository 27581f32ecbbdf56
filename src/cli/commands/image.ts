import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import { TsugiError } from "../../contract/errors.ts";
import { type ImageMade, makeImage } from "../../image/image.ts";
import { fileTarget, registryTarget } from "../../image/target.ts";
import { logged } from "../buildLog.ts";
import { formatBytes, printResult } from "../output.ts";
import { sourceOf } from "../stores.ts";

/** Of the last image only: it can be made again. */
const KEPT_AT = join(".tsugi", "image");

export async function imageCommand(places: string[], options: ToolOptions<"image">): Promise<void> {
  const { base, push, out } = options;
  if (push !== undefined && out !== undefined) {
    const help = "How it is called: tsugi help image";
    throw new TsugiError("TSUGI_USAGE", { problem: "--push and --out exclude each other", help });
  }
  const { target, tag, done, close } =
    push === undefined ? fileTarget(out ?? KEPT_AT) : registryTarget(push);
  const sources = (places.length === 0 ? ["."] : places).map((place) => sourceOf(place, "image"));
  try {
    if (push === undefined && out === undefined)
      await rm(KEPT_AT, { recursive: true, force: true });
    const image = await logged(async (log) => {
      const made = await makeImage({ sources, base, target, tag, log });
      await done();
      return made;
    });
    printResult<ImageMade>(image, linesOf(image, { isPushed: push !== undefined }));
  } finally {
    await close();
  }
}

function linesOf(image: ImageMade, { isPushed }: { isPushed: boolean }): string[] {
  const { name, version, where, tag, digest, base, moved } = image;
  const lines = [`Image of ${name} ${version}: ${where}:${tag}`, `  ${digest}`];
  for (const { platform, bytes, layers, baseDigest, user, hasShell } of image.platforms) {
    const size = `${formatBytes(bytes)}, ${layers.length} layers of its own`;
    lines.push(`  ${platform}: ${size}, on ${base}`, `    ${baseDigest}, as user ${user}`);
    if (!hasShell) lines.push("    no shell: it can't be upgraded inside, nor looked into by exec");
  }
  if (isPushed) return [...lines, `  ${moved.blobs} blobs moved, ${formatBytes(moved.bytes)}`];
  const run = where.endsWith(".tar")
    ? `docker load -i ${where} · podman load -i ${where}`
    : `skopeo copy oci:${where}:${tag} docker-daemon:${name}:${tag}`;
  return [...lines, "", `To use it here: ${run}`];
}
