/** A room (room.ts) as a release, in as many versions as are asked for. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildsIn } from "../../src/release/layout.ts";
import { mustRun } from "./commands.ts";
import { projectRoot, tsugiCli } from "./example.ts";
import { type BuiltRelease, TEST_NODE } from "./fixtureReleases.ts";
import { type RoomOptions, roomApp } from "./room.ts";

export interface RoomReleaseOptions extends RoomOptions {
  version: string;
  workers?: number;
  node?: string;
  config?: Record<string, unknown>;
  /** Changes of the application's source. */
  edit?: (source: string) => string;
}

export async function buildRoom(
  folder: string,
  {
    version,
    workers = 1,
    node = TEST_NODE,
    config,
    edit = (text) => text,
    ...room
  }: RoomReleaseOptions,
): Promise<BuiltRelease> {
  const name = "room";
  const project = join(folder, version);
  mkdirSync(join(project, "node_modules"), { recursive: true });
  cpSync(join(projectRoot, "node_modules", "ws"), join(project, "node_modules", "ws"), {
    recursive: true,
  });
  const json = (file: string, value: unknown) =>
    writeFileSync(join(project, file), JSON.stringify(value));
  const dependencies = { ws: "*" };
  json("package.json", { name, version, type: "module", private: true, dependencies });
  const settings = { entry: "server.ts", processes: { main: { entry: "server.ts", workers } } };
  writeFileSync(
    join(project, "tsugi.config.js"),
    `export default ${JSON.stringify({ ...settings, ...config })};\n`,
  );
  // Other bytes in each version, so that there is something to upgrade to.
  writeFileSync(
    join(project, "server.ts"),
    edit(`// ${version}\n${roomApp({ ...room, ws: "ws" })}`),
  );
  const args = [tsugiCli, "release", "--no-try", "--node", node];
  await mustRun(process.execPath, args, { cwd: project, timeoutMs: 300_000 });
  const tree = join(buildsIn(project), name);
  return { name, version, tree, tarball: join(tree, "releases", version, `${name}.tar.gz`) };
}
