/**
 * In a container, what is not on a volume is gone with it: an upgrade would be undone by the next
 * restart of the container, silently. So it is refused there.
 */

import { existsSync, readFileSync, realpathSync } from "node:fs";
import { orUndefined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import type { Layout } from "../release/layout.ts";

export interface ContainerFacts {
  exists(path: string): boolean;
  read(path: string): string;
}

/** File systems that container engines lay over an image. */
const LAYERED = ["overlay", "aufs", "fuse.fuse-overlayfs", "fuse-overlayfs"];

/** @throws TSUGI_ROOT_IS_EPHEMERAL; `TSUGI_EPHEMERAL=1` in the environment lets it pass */
export function refuseIfEphemeral(layout: Layout): void {
  if (process.env.TSUGI_EPHEMERAL === "1") return;
  const facts = { exists: existsSync, read: (path: string) => readFileSync(path, "utf8") };
  if (!isEphemeral(realpathSync(layout.root), facts)) return;
  throw new TsugiError("TSUGI_ROOT_IS_EPHEMERAL", { root: layout.root });
}

export function isEphemeral(root: string, facts: ContainerFacts): boolean {
  return isContainer(facts) && isOnImage(root, facts);
}

function isContainer(facts: ContainerFacts): boolean {
  if (facts.exists("/.dockerenv") || facts.exists("/run/.containerenv")) return true;
  return /docker|kubepods|containerd|libpod|lxc/.test(
    orUndefined(() => facts.read("/proc/1/cgroup")) ?? "",
  );
}

/** True when the mount that holds the root is the container's own `/`. */
function isOnImage(root: string, facts: ContainerFacts): boolean {
  let holder = { point: "", type: "" };
  for (const line of (orUndefined(() => facts.read("/proc/self/mountinfo")) ?? "").split("\n")) {
    // id parent major:minor root POINT options … - TYPE source options
    const [left, right] = line.split(" - ");
    const point = left?.split(" ")[4]?.replace(/\\040/g, " ");
    if (point === undefined || right === undefined) continue;
    const holds = root === point || root.startsWith(point === "/" ? "/" : `${point}/`);
    if (holds && point.length >= holder.point.length)
      holder = { point, type: right.split(" ")[0]! };
  }
  return holder.point === "/" && LAYERED.includes(holder.type);
}
