/** In `releases/`, an upgrade that was given up is not current any more. */
import type { UpgradeJob } from "./job.ts";

const AGAIN_MS = 1_000;

/** Again and again where the disk is full: nobody else would know that it was given up. */
export async function fallBack(job: UpgradeJob): Promise<void> {
  const { handler, supervisor, next } = job;
  try {
    await handler.fallBack(next.version);
  } catch (error) {
    supervisor.noteError(error);
    setTimeout(() => {
      if (supervisor.state === "serving") void fallBack(job);
    }, AGAIN_MS).unref();
  }
}
