/**
 * The status of a release on a host, and who may follow whom (OTP's words, docs/internals/design.md):
 *
 *                 unpack              install              commit
 *      (absent) ────────► unpacked ────────► current ────────► permanent
 *          ▲                │  ▲                │                  │
 *          │     remove     │  │  hand-back,    │                  │ another one
 *          ├────────────────┘  └── system dies ─┘                  │ is committed
 *          │     remove                                            ▼
 *          └──────────────────────────────────────────────────── old ── install ─► current
 *
 * `permanent` is never removed and there is at most one; there is at most one `current`.
 */
export type ReleaseStatus = "unpacked" | "current" | "permanent" | "old";

export type StatusEvent = "install" | "commit" | "fallBack" | "succeeded" | "remove";

const TRANSITIONS: Record<ReleaseStatus, Partial<Record<StatusEvent, ReleaseStatus | "absent">>> = {
  unpacked: { install: "current", remove: "absent" },
  current: { commit: "permanent", fallBack: "unpacked" },
  permanent: { succeeded: "old", install: "permanent" },
  old: { install: "current", remove: "absent" },
};

export const isReleaseStatus = (value: unknown): value is ReleaseStatus =>
  typeof value === "string" && Object.hasOwn(TRANSITIONS, value);

/** The status after an event, or undefined where the event is not allowed. */
export const nextStatus = (
  status: ReleaseStatus,
  event: StatusEvent,
): ReleaseStatus | "absent" | undefined => TRANSITIONS[status][event];

export interface ReleaseEntry {
  version: string;
  releaseId: string;
  status: ReleaseStatus;
  /** Every file was held against the manifest (and its signature, where keys are trusted). */
  verified: boolean;
  /** ISO time of the last change of status. */
  since: string;
  /** The order in which releases became permanent; absent if it never was. `rollback` reads it. */
  committed?: number;
  /** It was permanent and then taken back: no `rollback` goes there by itself. */
  rolledBack?: true;
}

export const RELEASE_LIST_FORMAT = 1;

/** `releases/RELEASES.json`. `releases/permanent` is the truth; this is reconciled to it. */
export interface ReleaseList {
  format: typeof RELEASE_LIST_FORMAT;
  name: string;
  releases: ReleaseEntry[];
}

/** Makes the list agree with `permanent`: what a crash half-way may have left undone. */
export function reconcile(
  list: ReleaseList,
  permanent: { version: string; releaseId: string } | undefined,
  runningVersion: string | undefined,
  now: string,
): ReleaseList {
  const lastCommit = Math.max(0, ...list.releases.map((entry) => entry.committed ?? 0));
  const releases = list.releases.map((entry): ReleaseEntry => {
    const isPermanent = entry.version === permanent?.version;
    if (isPermanent && entry.status !== "permanent") {
      const { rolledBack: _, ...rest } = entry;
      return { ...rest, status: "permanent", since: now, committed: lastCommit + 1 };
    }
    if (!isPermanent && entry.status === "permanent")
      return { ...entry, status: "old", since: now };
    if (entry.status === "current" && entry.version !== runningVersion) {
      // Installed earlier and committed once: it stays a place to roll back to.
      const status = entry.committed === undefined ? "unpacked" : "old";
      return { ...entry, status, since: now };
    }
    return entry;
  });
  return { ...list, releases };
}

/** The release that was permanent before this one; not one that was rolled back from. */
export function rollbackTargetOf(releases: ReleaseEntry[]): ReleaseEntry | undefined {
  return releases
    .filter((entry) => entry.status !== "permanent" && entry.committed !== undefined)
    .filter(({ rolledBack }) => rolledBack !== true)
    .sort((a, b) => b.committed! - a.committed!)[0];
}
