/** A small valid manifest, with what a test is about laid over it. */
import type { Manifest } from "../../src/release/manifest.ts";

export function manifestOf(changes: Partial<Manifest> = {}): Manifest {
  return {
    format: 1,
    name: "wall",
    version: "1.0.0",
    kind: "node",
    runtime: { dir: "node-24.21.0-linux-x64", version: "24.21.0", platform: "linux-x64" },
    tsugi: { dir: "tsugi-0.1.0", version: "0.1.0" },
    components: [{ name: "app", dir: "lib/wall-1.0.0", hash: "a".repeat(64) }],
    processes: [{ name: "main", entry: "src/server.js", workers: 1, overlap: true }],
    states: [],
    usesHot: true,
    accepts: false,
    build: "compile",
    files: [],
    ...changes,
  };
}

export const nextManifest = (changes: Partial<Manifest> = {}): Manifest =>
  manifestOf({
    version: "1.1.0",
    components: [{ name: "app", dir: "lib/wall-1.1.0", hash: "b".repeat(64) }],
    ...changes,
  });
