/**
 * What is on a disk when the power goes: all that it was told to flush, and of what came after, in no
 * order, some blocks and others not. Everything before the last flush is there, since the disk has said so.
 */
import type { Random } from "../random.ts";
import { type Request, tornOf, type Write } from "./disks.ts";

export interface Cut {
  /** The first request that the disk did not get. */
  at: number;
  kind: "in order" | "torn";
}

/** Half of them at a flush's edge, where a promise begins. */
export function chooseCuts(requests: readonly Request[], count: number, below: Random): Cut[] {
  const flushes = requests.flatMap((request, at) => (request === "flush" ? [at] : []));
  return Array.from({ length: count }, (_, index) => {
    const edge = flushes.length > 0 ? flushes[below(flushes.length)]! + below(2) : 0;
    const at = index % 2 === 0 ? edge : below(requests.length + 1);
    return { at, kind: index % 4 < 2 ? "torn" : "in order" };
  });
}

/** What the disk has written by then. */
export function writtenAt(requests: readonly Request[], { at, kind }: Cut, below: Random): Write[] {
  const before = requests.slice(0, at);
  const flushed = before.lastIndexOf("flush");
  return before.flatMap((request, index) => {
    if (request === "flush") return [];
    const isSure = index < flushed || kind === "in order";
    return isSure ? [request] : tornOf(request).filter(() => below(2) === 0);
  });
}
