/** What the tests of `tsugi release` share: a fresh folder for each test, and `tsugi` run in it. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, beforeEach } from "node:test";
import { buildsIn } from "../../src/release/layout.ts";
import { type Manifest, parseManifest } from "../../src/release/manifest.ts";
import { mustTsugi, temporaryFolder, tsugi } from "./projects.ts";

export class Releasing {
  readonly base: string;
  /** A cache of its own: nothing of the machine's decides. */
  readonly env: { TSUGI_CACHE: string };
  /** The project of this test. */
  folder = "";
  #count = 0;

  /** Called in a `describe`. */
  constructor(what: string) {
    const { folder, remove } = temporaryFolder(what);
    this.base = folder;
    this.env = { TSUGI_CACHE: join(folder, "cache") };
    beforeEach(() => {
      this.#count += 1;
      this.folder = join(this.base, `project-${this.#count}`);
    });
    after(remove);
  }

  run(...args: string[]) {
    return tsugi(["release", ...args], this.folder, this.env);
  }

  must(...args: string[]) {
    return mustTsugi(["release", ...args], this.folder, this.env);
  }

  /** It ends with 1, that code, those words and a next step. */
  async refused(code: string, words: RegExp, ...args: string[]): Promise<void> {
    const { status, stderr, output } = await this.run(...args);
    assert.match(stderr, new RegExp(`error ${code}`), output);
    assert.match(stderr, words);
    assert.match(stderr, /→ \S/);
    assert.equal(status, 1);
  }

  /** The tree of smallProject. */
  get tree(): string {
    return join(buildsIn(this.folder), "small");
  }

  inTree(path: string): string {
    return readFileSync(join(this.tree, path), "utf8");
  }

  manifest(version = "1.0.0"): Manifest {
    return parseManifest(this.inTree(`releases/${version}/release.json`), "test");
  }
}
