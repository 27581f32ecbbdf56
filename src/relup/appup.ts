/** What of the two releases' appups applies to going from one to the other. */
import semver from "semver";
import type {
  AppupDirection,
  AppupMoment,
  AppupRule,
  AppupStep,
  ForceRule,
} from "../release/appup.ts";
import type { Manifest } from "../release/manifest.ts";
import { compareVersions } from "../release/versionOrder.ts";

export interface AppliedAppup {
  direction: AppupDirection;
  /** The release whose appup it is, and whose code its steps are: the higher version. */
  by: string;
  before: AppliedStep[];
  after: AppliedStep[];
  force: ForceRule | undefined;
  forbid: AppupRule | undefined;
}

/** `index`: its place in the list of the configuration. */
export type AppliedStep = AppupStep & { index: number };

/** Undefined from a version to itself, and where the higher one has no appup. */
export function appupBetween(from: Manifest, to: Manifest): AppliedAppup | undefined {
  const order = compareVersions(from.version, to.version);
  if (order === 0) return undefined;
  const direction = order < 0 ? "upgrade" : "downgrade";
  const newer = direction === "upgrade" ? to : from;
  const { appup } = newer;
  if (appup === undefined) return undefined;
  const stepsAt = (moment: AppupMoment) =>
    appup[moment]
      .map((step, index) => ({ ...step, index }))
      .filter(({ on }) => on === direction || on === "both");
  const applies = (rule: AppupRule) => isIn(from.version, rule.from) && isIn(to.version, rule.to);
  return {
    direction,
    by: newer.version,
    before: stepsAt("before"),
    after: stepsAt("after"),
    force: appup.force.find(applies),
    forbid: appup.forbid.find(applies),
  };
}

/** A pre-release is in the range that its number is in. */
const isIn = (version: string, range: string | undefined): boolean =>
  range === undefined || semver.satisfies(version, range, { includePrerelease: true });
