/** Puts a release together: which groups of files, and the manifest that describes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defined } from "../contract/checks.ts";
import { type Composed, composed } from "../pack/composed.ts";
import { describe, filesBelow, groupOf, linkTo, readSource, textFile } from "../pack/fileSet.ts";
import { ownPackage, shippedFolder } from "../pack/ownPackage.ts";
import type { RuntimeSettings } from "../protocol/settings.ts";
import { appDirName, tsugiDirName } from "../release/layout.ts";
import {
  canonicalJson,
  hashFiles,
  type ManifestComponent,
  type ManifestFile,
  sha256,
} from "../release/manifest.ts";
import type { Application } from "./application.ts";
import type { BuildMode } from "./entry.ts";
import type { PackageGroup } from "./packageGroup.ts";
import type { Runtime } from "./runtime.ts";

export interface ReleaseParts {
  name: string;
  version: string;
  build: BuildMode;
  application: Application;
  packages: PackageGroup | undefined;
  runtime: Runtime;
  settings: RuntimeSettings;
  nodeArgs: { lines: string[]; logical: string[] };
}

export function composeRelease(parts: ReleaseParts): Composed {
  const { name, version, application, packages, runtime, settings, nodeArgs } = parts;
  const appDir = appDirName(name, version);
  const tsugi = ownPackage();
  const tsugiDir = tsugiDirName(tsugi.version);
  const app = application.files.map((file) => ({ ...file, path: `lib/${appDir}/${file.path}` }));
  if (packages !== undefined) {
    app.push(linkTo(`lib/${appDir}/node_modules`, `../${packages.dir}/node_modules`));
  }
  const appGroup = groupOf(app);
  const shipped = filesBelow(shippedFolder(), `lib/${tsugiDir}`, (file) => file === "bin.sh");
  const bin = textFile(`bin/${name}`, readFileSync(join(shippedFolder(), "bin.sh")), 0o755);
  const config = textFile(`releases/${version}/config.json`, canonicalJson(settings));
  const args = textFile(`releases/${version}/node.args`, lines(nodeArgs.lines));
  const groups = [
    appGroup,
    groupOf(shipped, true),
    groupOf([bin]),
    groupOf([config, args]),
    runtime.group,
    ...(packages === undefined ? [] : [packages.group]),
  ];
  const component = (
    componentName: string,
    hash: string,
    more: Partial<ManifestComponent> = {},
  ) => ({
    name: componentName,
    ...more,
    hash,
  });
  const { code, statics } = hashesOf(application, appGroup.entries, `lib/${appDir}`);
  const components: ManifestComponent[] = [
    component("app", code, { version, dir: `lib/${appDir}` }),
    component("bin", describe(bin).sha256),
    component("config", describe(config).sha256),
    // Without the version that stands in the preloads' paths.
    component("nodeArgs", sha256(lines(nodeArgs.logical))),
  ];
  if (statics !== undefined) components.push(component("static", statics));
  if (packages !== undefined) {
    components.push(component("packages", packages.hash, { dir: `lib/${packages.dir}` }));
  }
  return composed(
    {
      name,
      version,
      kind: "node",
      runtime: { dir: runtime.dir, version: runtime.version, platform: runtime.platform },
      tsugi: { dir: tsugiDir, version: tsugi.version },
      components,
      processes: application.processes,
      ...application.hot,
      ...defined({ appup: application.appup }),
      build: parts.build,
    },
    groups,
  );
}

/** Code and static files apart; of package.json only what Node reads, or each version would differ. */
function hashesOf({ isStatic, files }: Application, entries: ManifestFile[], below: string) {
  const path = (file: ManifestFile) => file.path.slice(below.length + 1);
  const own = entries.filter((file) => !file.link && path(file) !== "package.json");
  const packageJson = files.find((file) => file.path === "package.json");
  const { type, main, imports, exports } = packageJson
    ? (JSON.parse(Buffer.from(readSource(packageJson.source)).toString()) as Record<
        string,
        unknown
      >)
    : {};
  const read = sha256(canonicalJson({ type, main, imports, exports }));
  const code = own.filter((file) => !isStatic(path(file)));
  const statics = own.filter((file) => isStatic(path(file)));
  return {
    code: sha256(`${hashFiles(code, below)}${read}`),
    statics: statics.length > 0 ? hashFiles(statics, below) : undefined,
  };
}

const lines = (items: string[]): string => items.map((item) => `${item}\n`).join("");
