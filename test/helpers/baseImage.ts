/** A small image to stand on: busybox, and the libraries that Node needs; made by umoci, as an image layout. */
import { copyFileSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { mustRun } from "./commands.ts";
import { findProgram, whyWithout } from "./debian.ts";

const TOOLS = ["sh", "ls", "cat", "id", "stat", "readlink", "mount", "ps", "wget"];

export const whyNoImages = () => whyWithout("umoci", "skopeo", "busybox");

/** @returns the layout; its image is `latest`. `without`: what is left out of it. */
export async function makeBaseImage(
  folder: string,
  { without = [] }: { without?: ("shell" | "libstdc++")[] } = {},
): Promise<string> {
  const root = join(folder, "root");
  const programs = without.includes("shell") ? [] : ["busybox"];
  for (const name of ["bin", "etc", "tmp", "proc"])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of programs) copyFileSync(findProgram(name)!, join(root, "bin", name));
  for (const tool of programs.length > 0 ? TOOLS : [])
    symlinkSync("busybox", join(root, "bin", tool));
  const files = [process.execPath, ...programs.map((name) => findProgram(name)!)];
  const libraries = (await Promise.all(files.map(librariesOf))).flat();
  for (const path of new Set(libraries)) {
    if (without.includes("libstdc++") && path.includes("libstdc++")) continue;
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(realpathSync(path), join(root, path));
  }
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  const layout = join(folder, "layout");
  const image = `${layout}:latest`;
  await mustRun("umoci", ["init", "--layout", layout]);
  await mustRun("umoci", ["new", "--image", image]);
  await mustRun("umoci", ["insert", "--image", image, root, "/"]);
  return layout;
}

async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await mustRun("ldd", [program]);
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
}
