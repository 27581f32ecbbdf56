/**
 * Which test files come first: the quick ones of test/unit, which need none of Debian's packages while those are
 * still being installed; then those that take longest, so that none of them ends alone; then the others, as they come.
 */
import { readFileSync } from "node:fs";

export const LONGEST = [
  "contract/binAppNode",
  "contract/binAppBeam",
  "integration/beamRefusals",
  "integration/beam",
  "integration/world",
  "integration/crash",
  "integration/releaseGit",
  "integration/upgrade",
  "contract/moment",
  "integration/ansible",
  "integration/docs",
  "integration/releaseWorkspace",
  "integration/soak",
  "integration/beamLife",
  "integration/image",
  "integration/bench",
  "contract/registry",
  "integration/cookbook",
  "integration/relup",
  "integration/logs",
  "integration/processes",
  "integration/hostileUser",
  "integration/deployFaults",
  "contract/store",
  "integration/swap",
  "integration/silence",
  "contract/logins",
  "integration/stepsDown",
  "integration/releaseShapes",
  "integration/demo",
].map((name) => `test/${name}.test.ts`);

const placeOf = (file: string): number => {
  const place = LONGEST.findIndex((long) => file.endsWith(long));
  return place < 0 ? LONGEST.length : place;
};
const isEarly = (file: string): boolean =>
  file.includes("test/unit/") && !readFileSync(file, "utf8").includes("/helpers/debian.ts");

export const inOrder = (files: string[]): string[] =>
  files
    .map((file) => ({ file, place: isEarly(file) ? -1 : placeOf(file) }))
    .sort((one, other) => one.place - other.place)
    .map(({ file }) => file);
