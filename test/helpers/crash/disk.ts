/**
 * Where the roots of one lane lie: a small file system of their own where we may mount one, so that
 * it can be full. It becomes full by being shrunk to what is on it.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, statfsSync } from "node:fs";

const ROOM_MB = 3000;

export class Disk {
  readonly path: string;
  /** False where we are not root: then a full disk is injected at the one write. */
  readonly isReal: boolean;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    this.isReal = process.platform === "linux" && process.getuid?.() === 0 && mount(path);
  }

  /** From now on every write that needs a page more gets ENOSPC, from the kernel. */
  fill(): void {
    const { blocks, bfree, bsize } = statfsSync(this.path);
    this.#resize(`${(blocks - bfree) * bsize}`);
  }

  relieve(): void {
    if (this.isReal) this.#resize(`${ROOM_MB}m`);
  }

  #resize(size: string): void {
    execFileSync("mount", ["-o", `remount,size=${size}`, this.path]);
  }

  remove(): void {
    if (this.isReal) execFileSync("umount", ["-l", this.path]);
  }
}

function mount(path: string): boolean {
  try {
    const size = `size=${ROOM_MB}m,mode=755`;
    execFileSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", path], { stdio: "ignore" });
    return true;
  } catch {
    return false; // a container without the right to
  }
}
