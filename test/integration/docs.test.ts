/**
 * The documentation is held against the code: every command in it is run, or says why not; every
 * link leads somewhere; every error code exists.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, describe, test } from "node:test";
import { ERRORS } from "../../src/contract/errors.ts";
import { runCommand } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import {
  anchorsOf,
  type Block,
  inProject,
  pageAt,
  readPages,
  relativeLinks,
} from "../helpers/markdown.ts";
import { isRunnable, isUnmarked, makeSandbox, playPage, type Sandbox } from "../helpers/story.ts";

/** One reader reads these in this order; each goes on where the one before has ended. */
const STORY = [
  "README.md",
  "docs/guides/writing-an-app.md",
  "docs/guides/upgrading.md",
  "docs/guides/at-night.md",
  "docs/guides/configuration.md",
  "docs/guides/systemd.md",
  "docs/guides/containers.md",
  "docs/guides/from-source.md",
  "docs/guides/store.md",
  "docs/guides/swap.md",
];

/** Other stories: cookbook.test.ts, deployGuide.test.ts. */
const isPlayedThere = (path: string) =>
  path.startsWith("docs/cookbook/") || path === "docs/guides/deploy.md";

/** Words that look like codes and are names of environment variables. */
const VARIABLES =
  /^TSUGI_(ROOT|NAME|APP_DIR|DATA_DIR|DEBUG|CACHE|STORE|SSH_CONFIG|EPHEMERAL|FAULT|WORKER|SUPERVISOR|TEST_CONCURRENCY|LIVES_ON|TRY|KEEPER_TAKES|VERSION__|FROM|TO|DIRECTION|DEPLOY|DEPLOY_ENVIRONMENT|DEPLOY_VERSION|DEPLOY_HOST)$/;

const pages = readPages();

describe("what a reader would type", () => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-docs-"));
  after(async () => {
    for (const root of ["srv/greeter", "srv/live", "greeter/.tsugi"]) {
      await runCommand(join(folder, root, "bin/greeter"), ["stop"]).catch(() => {});
    }
    rmSync(folder, { recursive: true, force: true });
  });
  let sandbox: Sandbox | undefined;
  let broken: string | undefined;
  for (const path of STORY) {
    test(`${path}: every command does what is said of it`, async (t) => {
      if (broken !== undefined) return t.skip(`${broken} has failed, which comes before`);
      broken = path;
      sandbox ??= await makeSandbox(folder);
      await playPage(pageAt(path), sandbox);
      broken = undefined;
    });
  }
});

test("a command that is not run says why, and one that is belongs to the story", () => {
  const unmarked = pages.flatMap(({ path, blocks }) =>
    blocks
      .filter((block) => isUnmarked(block) || isElsewhere(block, path))
      .map(({ line }) => `${path}:${line}`),
  );
  assert.deepEqual(unmarked, []);
});

const isElsewhere = (block: Block, path: string) =>
  isRunnable(block) && !STORY.includes(path) && !isPlayedThere(path);

test("every relative link leads to a file, and every anchor to a heading", () => {
  const anchors = new Map(pages.map((page) => [page.path, anchorsOf(page)]));
  const broken = pages.flatMap((page) =>
    relativeLinks(page).filter((target) => {
      const [path, anchor] = target.split("#") as [string, string | undefined];
      const file = path === "" ? page.path : join(dirname(page.path), path);
      if (!existsSync(join(projectRoot, file))) return true;
      const known = anchors.get(inProject(resolve(projectRoot, file)));
      return anchor !== undefined && known !== undefined && !known.has(anchor);
    }),
  );
  assert.deepEqual(broken, []);
});

test("every page is linked from another one", () => {
  const linked = new Set(
    pages.flatMap((page) =>
      relativeLinks(page).map((target) => join(dirname(page.path), target.split("#")[0]!)),
    ),
  );
  const alone = pages.map(({ path }) => path).filter((path) => !linked.has(path));
  assert.deepEqual(
    alone.filter((path) => path !== "README.md" && !path.startsWith("examples")),
    [],
  );
});

test("every error code in the documentation exists", () => {
  const unknown = pages.flatMap(({ path, text }) =>
    [...new Set(text.match(/\bTSUGI_[A-Z_]+\b/g) ?? [])]
      .filter((word) => !(word in ERRORS) && !VARIABLES.test(word))
      .map((word) => `${path}: ${word}`),
  );
  assert.deepEqual(unknown, []);
});
