/** Releases of the example that differ in one thing each: what is moved for it is what is measured. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildsIn } from "../../src/release/layout.ts";
import { mustRun } from "../../test/helpers/commands.ts";
import { copyExample, exampleName, installPackages, tsugiCli } from "../../test/helpers/example.ts";

/** Of Node and of a package, the ones before those that the example has. */
const OLDER_NODE = "24.20.0";
const NODE = "24.21.0";
const OLDER_PACKAGE = "mysql2@<3.24";

export interface Step {
  what: string;
  /** Tarballs. */
  from: string;
  to: string;
}

export async function stepsOf(folder: string) {
  const project = copyExample("0.0.1", folder);
  await installPackages(project);
  const npm = (...args: string[]) =>
    mustRun("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd: project });
  const release = async (version: string, node = NODE) => {
    const args = [tsugiCli, "release", "--version", version, "--node", node];
    await mustRun(process.execPath, args, { cwd: project, timeoutMs: 600_000 });
    const releases = join(buildsIn(project), exampleName, "releases");
    return join(releases, version, `${exampleName}.tar.gz`);
  };
  const first = await release("1.0.0", OLDER_NODE);
  const otherNode = await release("1.0.1");
  const routes = join(project, "src", "routes.ts");
  writeFileSync(routes, `${readFileSync(routes, "utf8")}\nexport const added = "one line";\n`);
  const oneLine = await release("1.0.2");
  await npm("install", "--no-save", OLDER_PACKAGE);
  const before = await release("1.1.0");
  await npm("ci");
  const otherPackage = await release("1.1.1");
  return {
    oneLine: { what: "one line of the app", from: otherNode, to: oneLine },
    package: { what: `a package (${OLDER_PACKAGE} → newer)`, from: before, to: otherPackage },
    node: { what: `Node (${OLDER_NODE} → ${NODE})`, from: first, to: otherNode },
  } satisfies Record<string, Step>;
}
