/** Erlang's releases made by hand, and the Erlang of a host alone, in a VM of this machine. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "./commands.ts";
import { projectRoot } from "./example.ts";
import {
  type HandmadeFile,
  type HandmadeRelease,
  handmadeRelease,
  sealed,
} from "./handmadeRelease.ts";

export const ERTS = "erts-13.1";

/** A release of `shop` of a few files. */
export function handmadeBeamRelease(
  version: string,
  extra: Record<string, HandmadeFile> = {},
): HandmadeRelease {
  const files: Record<string, HandmadeFile> = {
    "bin/shop": { bytes: "#!/bin/sh\n", mode: 0o755 },
    [`${ERTS}/bin/beam.smp`]: { bytes: "not really a VM\n", mode: 0o755 },
    [`lib/shop-${version}/ebin/shop.app`]: { bytes: `{application, shop, [${version}]}.\n` },
    [`lib/shop-${version}/priv/current`]: { link: "../ebin" },
    [`releases/${version}/start.boot`]: { bytes: "boot\n" },
    ...extra,
  };
  const { manifest } = handmadeRelease(version, files, "shop");
  manifest.files = manifest.files.filter(({ path }) => path in files);
  manifest.kind = "beam";
  manifest.runtime.dir = ERTS;
  return sealed(manifest, files);
}

export async function compileBeamHost(ebin: string): Promise<void> {
  mkdirSync(ebin, { recursive: true });
  const sources = join(projectRoot, "src", "beam-host", "erl");
  const modules = readdirSync(sources).filter((file) => file.endsWith(".erl"));
  await mustRun("erlc", ["-o", ebin, ...modules.map((file) => join(sources, file))]);
}
