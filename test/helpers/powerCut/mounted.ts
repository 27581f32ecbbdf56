/** A disk that is mounted: NBD → a file (nbdfuse) → a block device (loop) → a file system. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { mustRun, runCommand } from "../commands.ts";
import { eventually } from "../wall.ts";

export interface Mounted {
  folder: string;
  unmount(): Promise<void>;
}

/** `socket`: where the disk is served; folders are made beside it. */
export async function mountDisk(socket: string): Promise<Mounted> {
  const [held, folder] = [`${socket}.held`, `${socket}.mounted`];
  const image = `${held}/disk.img`;
  for (const path of [held, folder]) mkdirSync(path, { recursive: true });
  const fuse = spawn("nbdfuse", [image, `nbd+unix:///?socket=${socket}`], { stdio: "inherit" });
  await eventually("nbdfuse has it", () => existsSync(image) || fuse.exitCode !== null, 30_000);
  const device = (await mustRun("losetup", ["--find", "--show", image])).stdout.trim();
  const detach = async () => {
    await mustRun("losetup", ["--detach", device]);
    await until("fusermount3", "-u", held);
  };
  const mounted = await runCommand("mount", ["-t", "ext4", device, folder]);
  if (mounted.status !== 0) {
    await detach();
    throw new Error(mounted.output);
  }
  const unmount = async () => {
    await until("umount", folder);
    await detach();
  };
  return { folder, unmount };
}

/** What has just ended is gone in a moment. */
const until = (command: string, ...args: string[]) =>
  eventually(
    `${command} ${args.join(" ")}`,
    async () => (await runCommand(command, args)).status === 0,
    30_000,
  );
