/** Layers on top of each other, as an engine would lay them. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Base } from "../../../src/image/base.ts";
import { readBase } from "../../../src/image/baseFacts.ts";
import { type LayerEntry, tarOfLayer, textEntry } from "../../../src/image/layerTar.ts";
import { digestOf } from "../../../src/oci/source.ts";
import { temporaryFolder } from "../../helpers/projects.ts";

const { folder, remove } = temporaryFolder("base-facts");
process.env.TSUGI_CACHE = folder;
after(remove);

async function baseOf(...layers: LayerEntry[][]): Promise<Base> {
  const blobs = new Map<string, Buffer>();
  for (const entries of layers) {
    const bytes = gzipSync(await tarOfLayer(entries));
    blobs.set(digestOf(bytes), bytes);
  }
  return {
    name: "test",
    digest: "",
    config: { rootfs: { type: "layers", diff_ids: [] } },
    layers: [...blobs].map(([digest, bytes]) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest,
      size: bytes.length,
    })),
    source: {
      where: "here",
      manifest: async () => undefined,
      read: async ({ digest }, begin) => (await begin())(blobs.get(digest)!),
    },
  };
}

describe("what there is in a base", () => {
  test("is what the topmost layer says", async () => {
    const facts = await readBase(
      await baseOf(
        [textEntry("etc/passwd", "below\n"), textEntry("bin/sh", "")],
        [textEntry("./etc/passwd", "above\n"), textEntry("usr/lib/libstdc++.so.6", "")],
      ),
    );
    assert.equal(facts.passwd, "above\n");
    assert.equal(facts.hasShell, true);
    assert.deepEqual([...facts.libraries], ["libstdc++.so.6"]);
  });

  test("is not what a layer above has taken away: a file, a folder, all of a folder", async () => {
    const below = [
      textEntry("bin/sh", ""),
      textEntry("etc/passwd", "x"),
      textEntry("lib/ld-linux.so.2", ""),
    ];
    const facts = await readBase(
      await baseOf(below, [
        textEntry("bin/.wh.sh", ""),
        textEntry(".wh.lib", ""),
        textEntry("etc/.wh..wh..opq", ""),
      ]),
    );
    assert.deepEqual([facts.hasShell, facts.passwd, facts.libraries.size], [false, "", 0]);
  });

  test("a layer that is none is said with its digest", async () => {
    const base = await baseOf([textEntry("bin/sh", "")]);
    base.source.read = async (_, begin) => (await begin())(Buffer.from("no gzip"));
    base.layers[0]!.digest = `sha256:${"0".repeat(64)}`;
    await assert.rejects(readBase(base), /its layer sha256:0+ can't be read/);
  });
});
