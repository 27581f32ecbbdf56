/** The parts of the control program that need no system: what it recognises, and what it prints. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { isPath } from "../../../src/control/arguments.ts";
import { type ContainerFacts, isEphemeral } from "../../../src/control/container.ts";
import { formatReport } from "../../../src/control/formatReport.ts";
import { bytesText, msText } from "../../../src/control/output.ts";
import { owningUnit, unitFor } from "../../../src/control/units.ts";
import { table } from "../../../src/protocol/columns.ts";
import type { UpgradeReport } from "../../../src/protocol/report.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { unitText } from "../../../src/release/systemdUnit.ts";
import { temporaryFolder } from "../../helpers/handmadeRelease.ts";

const machine = (files: Record<string, string>): ContainerFacts => ({
  exists: (path) => path in files,
  read: (path) => {
    if (path in files) return files[path]!;
    throw new Error("ENOENT");
  },
});

const OVERLAY = "600 500 0:50 / / rw,relatime - overlay overlay rw,lowerdir=/a:/b";
const VOLUME = "610 600 8:1 /volumes/wall /srv/wall rw,relatime - ext4 /dev/sda1 rw";
const SPACED = "620 600 8:1 /volumes/x /srv/my\\040wall rw - ext4 /dev/sda1 rw";

test("a root on the image of a container is ephemeral; on a volume, or on a machine, it is not", () => {
  const docker = {
    "/.dockerenv": "",
    "/proc/self/mountinfo": `${OVERLAY}\n${VOLUME}\n${SPACED}\n`,
  };
  assert.equal(isEphemeral("/opt/wall", machine(docker)), true);
  assert.equal(isEphemeral("/srv/wallpaper", machine(docker)), true);
  assert.equal(isEphemeral("/srv/wall", machine(docker)), false);
  assert.equal(isEphemeral("/srv/wall/below", machine(docker)), false);
  assert.equal(isEphemeral("/srv/my wall", machine(docker)), false);
  const kubernetes = {
    "/proc/1/cgroup": "0::/kubepods/burstable/pod1/x\n",
    "/proc/self/mountinfo": OVERLAY,
  };
  assert.equal(isEphemeral("/opt/wall", machine(kubernetes)), true);
  const podman = { "/run/.containerenv": "", "/proc/self/mountinfo": OVERLAY };
  assert.equal(isEphemeral("/opt/wall", machine(podman)), true);
  assert.equal(isEphemeral("/opt/wall", machine({ "/proc/self/mountinfo": OVERLAY })), false);
  const plainDisk = "27 1 254:0 / / rw - ext4 /dev/vda rw";
  const virtual = { "/.dockerenv": "", "/proc/self/mountinfo": plainDisk };
  assert.equal(isEphemeral("/opt/wall", machine(virtual)), false);
  assert.equal(isEphemeral("/opt/wall", machine({})), false);
});

test("the unit for a root is known by its ExecStart, and owns a process by its cgroup", () => {
  using folder = temporaryFolder();
  const layout = layoutOf("/srv/wall", "wall");
  const units = folder.at("units");
  mkdirSync(units);
  assert.equal(unitFor(layout, [units, folder.at("none")]), undefined);
  writeFileSync(`${units}/other.service`, "ExecStart=/srv/wall/bin/wallpaper foreground\n");
  assert.equal(unitFor(layout, [units]), undefined);
  writeFileSync(
    `${units}/front.service`,
    unitText(layout, {
      owner: { uid: 54_320, gid: 54_320, name: undefined },
      stopSeconds: 40,
      startSeconds: 40,
    }),
  );
  assert.equal(unitFor(layout, [units]), "front.service");
  const inUnit = () => "0::/system.slice/front.service\n";
  const inShell = () => "0::/user.slice/user-1000.slice/session-3.scope\n";
  assert.equal(owningUnit(layout, 1, [units], inUnit), "front.service");
  assert.equal(owningUnit(layout, 1, [units], inShell), undefined);
});

test("the unit of a root is known whatever its path has in it", () => {
  using folder = temporaryFolder();
  for (const root of ["/srv/a b", "/srv/100%b", '/srv/q"u\\o', "/srv/$HOME", "/srv/it's"]) {
    const layout = layoutOf(root, "wall");
    for (const name of ["app", undefined]) {
      const owner = { uid: 54_320, gid: 54_320, name };
      const unit = unitText(layout, { owner, stopSeconds: 40, startSeconds: 40 });
      writeFileSync(folder.at("wall.service"), unit);
      assert.equal(unitFor(layout, [folder.path]), "wall.service", unit);
      assert.doesNotMatch(unit.replaceAll("%%", ""), /%/);
    }
  }
});

test("no unit is written for a root that its lines can't name", () => {
  const owner = { uid: 54_320, gid: 54_320, name: "app" };
  for (const root of ["/srv/a\nUser=root", "/srv/a\rb", "/srv/a\tb", "/srv/a\u007f", "/srv/a "]) {
    const text = () =>
      unitText(layoutOf(root, "wall"), { owner, stopSeconds: 40, startSeconds: 40 });
    assert.throws(text, { code: "TSUGI_UNIT_REFUSED" }, JSON.stringify(root));
  }
});

test("a version is told from a path", () => {
  for (const version of ["0.0.2", "1.2.3-rc.1", "1.2.3+45.abcdef"]) assert.ok(!isPath(version));
  for (const path of ["./0.0.2", "/tmp/x", ".", "..", "wall.tar.gz", "rel/wall"]) {
    assert.ok(isPath(path), path);
  }
});

const REPORT: UpgradeReport = {
  format: 1,
  from: "0.0.1",
  to: "0.0.2",
  strategy: "handoff",
  reasons: ["0.0.1 does not call hot.accept()", "the packages differ: 0a0b0c0d → 1a1b1c1d"],
  at: "2026-01-01T00:00:00.000Z",
  steps: [
    "load",
    "rehearse",
    "install",
    "freeze",
    "carry",
    "activate",
    "connections",
    "probation",
    "commit",
  ].map((name, index) => ({ name, ms: index * 111.11 })),
  pauseMs: 12.4,
  quietMs: { p50: 1.2, p99: 3.45, max: 12.9 },
  requests: { waited: 3, underWay: 2 },
  connections: { carried: 512, drained: 1, lost: 0 },
  states: [
    { name: "rooms", from: 1, to: 2, bytes: 123_456, migrateMs: 4.2, rehearsed: true },
    { name: "seen", from: null, to: 1, bytes: 0, migrateMs: 0, rehearsed: "over the limit" },
  ],
  leftovers: [],
  result: "committed",
};

test("a report fits into 80 columns and says what was measured", () => {
  const text = formatReport(REPORT);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(text, /^Upgraded 0\.0\.1 → 0\.0\.2 by handoff in 4\.00 s\n/);
  assert.match(text, /pause +12 ms/);
  assert.match(text, /512 carried, 1 drained, 0 lost/);
  assert.match(text, /rooms v1 → v2, 121 KB, migrated in 4\.2 ms, rehearsed/);
  assert.match(text, /seen v1, initial, .*not rehearsed: over the\s+limit/);
  assert.match(text, /left of old +nothing/);
});

test("how long connections were quiet is said where it was measured", () => {
  assert.match(formatReport(REPORT), /quiet p50/);
  const unmeasured = { ...REPORT, quietMs: { p50: 0, p99: 0, max: 0 } };
  assert.doesNotMatch(formatReport(unmeasured), /quiet/);
});

test("what the new version has closed of the carried is said, and why", () => {
  const connections = { ...REPORT.connections, refused: [{ count: 3, why: "restore: not so" }] };
  const text = formatReport({ ...REPORT, connections });
  assert.match(text, /refused +3 of the carried were closed, to come back: restore:\s+not so/);
});

test("a worker that has died is told of where nothing has changed, too", () => {
  const connections = { carried: 0, drained: 0, lost: 4 };
  const text = formatReport({ ...REPORT, connections, result: "refused" });
  assert.match(text, /^Refused: 0\.0\.1 serves again\n/);
  assert.match(text, /connections +4 lost, with the worker that has died/);
});

test("how fast a large state went over is said, where it was copied", () => {
  const [rooms] = REPORT.states;
  const states = [{ ...rooms!, bytes: 100_000_000 }];
  const steps = [{ name: "carry", ms: 4000 }];
  const text = (changed: Partial<UpgradeReport>) => formatReport({ ...REPORT, ...changed });
  assert.match(text({ states, steps }), /throughput +95\.4 MB carried in 4\.00 s, 23\.8 MB\/s/);
  assert.doesNotMatch(text({ steps }), /throughput/);
  assert.doesNotMatch(text({ states, steps, strategy: "swap" }), /throughput/);
  assert.doesNotMatch(text({ states, steps: [{ ...steps[0]!, failed: true }] }), /throughput/);
});

test("each result has a headline that says who serves", () => {
  const headline = (report: Partial<UpgradeReport>, asked = {}) =>
    formatReport({ ...REPORT, ...report }, asked).split("\n")[0];
  assert.equal(headline({ result: "refused" }), "Refused: 0.0.1 serves as before");
  assert.match(headline({ result: "thawed" })!, /^Thawed: 0\.0\.1 serves as before/);
  assert.equal(headline({ result: "handed-back" }), "Handed back: 0.0.1 serves again");
  assert.match(headline({}, { direction: "rollback" })!, /^Rolled back 0\.0\.1 → 0\.0\.2/);
  assert.match(headline({}, { direction: "reload" })!, /^Reloaded 0\.0\.2/);
  assert.match(headline({ strategy: "none" })!, /^Nothing to do/);
});

test("numbers, tables and wrapped words read well", () => {
  assert.deepEqual([0, 1023, 1536, 250_000].map(bytesText), ["0 B", "1023 B", "1.5 KB", "244 KB"]);
  assert.deepEqual([0.04, 9.96, 12.3, 1234, 61_000].map(msText), [
    "0 ms",
    "10 ms",
    "12 ms",
    "1.23 s",
    "61.0 s",
  ]);
  assert.equal(
    table([
      ["a", "bb"],
      ["ccc", "d"],
    ]).join("\n"),
    "a    bb\nccc  d",
  );
});
