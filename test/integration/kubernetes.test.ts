/** The manifests of the guide are what Kubernetes' published types allow. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { runCommand } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { temporaryFolder, writeFiles } from "../helpers/projects.ts";

const GUIDE = join(projectRoot, "docs", "guides", "kubernetes");
const { folder, remove } = temporaryFolder("kubernetes");
after(remove);

interface Manifest {
  apiVersion: string;
  kind: string;
}

/** `apps/v1` → apps/v1, `v1` → core/v1 */
const moduleOf = ({ apiVersion }: Manifest): string =>
  `kubernetes-types/${apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`}`;

const typed = (manifest: Manifest, index: number): string =>
  `import type { ${manifest.kind} as Kind${index} } from "${moduleOf(manifest)}";\n` +
  `export const manifest${index}: Kind${index} = ${JSON.stringify(manifest, null, 2)};\n`;

async function problemsOf(manifests: Manifest[]): Promise<string> {
  writeFiles(folder, {
    "package.json": { type: "module" },
    "manifests.ts": manifests.map(typed).join("\n"),
  });
  const tsc = join(projectRoot, "node_modules", "typescript", "bin", "tsc");
  const options = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
  ];
  const { output } = await runCommand(process.execPath, [tsc, ...options, "manifests.ts"], {
    cwd: folder,
  });
  return output;
}

describe("the manifests for Kubernetes", () => {
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  const types = join(projectRoot, "node_modules", "kubernetes-types");
  symlinkSync(types, join(folder, "node_modules", "kubernetes-types"));
  const files = readdirSync(GUIDE).filter((name) => name.endsWith(".yaml"));
  const manifests = files.flatMap((name) =>
    parseAllDocuments(readFileSync(join(GUIDE, name), "utf8")).map(
      (document) => document.toJS() as Manifest,
    ),
  );

  test("are what the published types allow", async () => {
    assert.ok(manifests.length >= 6);
    assert.equal(await problemsOf(manifests), "");
  });

  test("would not be, with a word that Kubernetes does not know", async () => {
    const [first] = manifests;
    assert.match(
      await problemsOf([{ ...first!, replica: 3 } as Manifest]),
      /'"replica"' does not exist/,
    );
  });
});
