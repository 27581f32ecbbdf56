import semver from "semver";

/** Semantic order; then the build part, whose first number counts commits under `version: "git"`. */
export function compareVersions(a: string, b: string): number {
  if (semver.valid(a) && semver.valid(b)) return semver.compareBuild(a, b);
  return a === b ? 0 : a < b ? -1 : 1;
}
