import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DeployRecord } from "../../../src/deploy/audit.ts";
import type { HostFacts } from "../../../src/deploy/facts.ts";
import { planUndo } from "../../../src/deploy/undo.ts";

type Word = Partial<DeployRecord> & Pick<DeployRecord, "at" | "from" | "to" | "result">;

const record = (word: Word): DeployRecord => ({
  format: 1,
  by: "you@laptop",
  environment: "production",
  action: "upgrade",
  ms: 1,
  ...word,
});
const back = (at: string, from: string, to: string, undoes?: string) =>
  record({
    at,
    from,
    to,
    result: "done",
    action: "rollback",
    ...(undoes === undefined ? {} : { undoes: { at: undoes, by: "you@laptop" } }),
  });
const done = (at: string, from: string | null, to: string) =>
  record({ at, from, to, result: "done", ...(from === null ? { action: "install" } : {}) });

/** Host by host: what runs, and what is written down. */
function plan(
  hosts: Record<string, [runs: string | null, ...DeployRecord[]]>,
  to?: string,
  upgrades: Record<string, object[]> = {},
) {
  const versions = ["1.0.0", "1.1.0", "1.2.0"];
  const asked = Object.entries(hosts).map(([name, [runs, ...deploys]]) => ({
    host: { name, root: "/srv/wall", local: false, env: {} },
    facts: {
      status: runs === null ? undefined : { version: runs },
      deploys,
      upgrades: upgrades[name] ?? [],
      systemd: { hasUnit: name === "unit" },
      releases: versions.map((version, committed) => {
        return { version, committed, status: version === "1.2.0" ? "permanent" : "old" };
      }),
    } as unknown as HostFacts,
  }));
  const { hosts: planned, refusals } = planUndo(asked, "production", to);
  return { to: Object.fromEntries(planned.map(({ host, to }) => [host, to])), refusals };
}

const first = done("2026-01-01", null, "1.0.0");
const second = done("2026-01-02", "1.0.0", "1.1.0");
const third = done("2026-01-03", "1.1.0", "1.2.0");
const refusal = (words: RegExp) => (error: unknown) => {
  const { code, message } = error as { code: string; message: string };
  assert.equal(code, "TSUGI_NOTHING_TO_UNDO");
  assert.match(message, words);
  return true;
};

describe("what a rollback undoes", () => {
  test("a deploy that went through: on all hosts, to what each ran before", () => {
    const other = done("2026-01-03", "1.0.0", "1.2.0");
    const { to } = plan({ app1: ["1.2.0", first, second, third], app2: ["1.2.0", first, other] });
    assert.deepEqual(to, { app1: "1.1.0", app2: "1.0.0" });
  });

  test("one that stopped at the canary: the canary, and no host that it did not come to", () => {
    const missed = { ...third, result: "not reached" };
    const hosts = { app1: ["1.2.0", second, third], app2: ["1.1.0", second, missed] } as const;
    assert.deepEqual(plan(hosts as never).to, { app1: "1.1.0", app2: null });
  });

  test("one that was handed back everywhere has left nothing to undo, and no older one is undone", () => {
    const failed = { ...third, result: "failed" };
    const missed = { ...third, result: "not reached" };
    const hosts = { app1: ["1.1.0", second, failed], app2: ["1.1.0", second, missed] } as const;
    assert.throws(() => plan(hosts as never), refusal(/of 1\.2\.0.*nothing to undo: app1: .*kept/));
  });

  test("twice undoes the one before; the bad version is never gone back to", () => {
    const undone = back("2026-01-04", "1.2.0", "1.1.0", "2026-01-03");
    assert.deepEqual(plan({ app1: ["1.1.0", first, second, third, undone] }).to, { app1: "1.0.0" });
    const again = back("2026-01-05", "1.1.0", "1.0.0", "2026-01-02");
    const { refusals } = plan({ app1: ["1.0.0", first, second, third, undone, again] });
    assert.match(refusals[0]!.error.message, /1\.0\.0 was the first release there/);
    const old = back("2026-01-04", "1.2.0", "1.1.0");
    assert.deepEqual(plan({ app1: ["1.1.0", first, second, third, old] }).to, { app1: "1.0.0" });
  });

  test("what only changed settings brought no version: the deploy before it is undone", () => {
    const reload = record({
      at: "2026-01-04",
      from: "1.2.0",
      to: "1.2.0",
      result: "done",
      action: "reload",
    });
    assert.deepEqual(plan({ app1: ["1.2.0", second, third, reload] }).to, { app1: "1.1.0" });
  });

  test("a host that has got another version since then stays", () => {
    const hosts = { app1: ["1.0.0", second, third], app2: ["1.2.0", second, third] } as const;
    assert.deepEqual(plan(hosts as never).to, { app1: null, app2: "1.1.0" });
  });

  test("what broke off half-way is completed: who has gone back stays there", () => {
    const undone = back("2026-01-04", "1.2.0", "1.1.0", "2026-01-03");
    const hosts = {
      app1: ["1.1.0", first, second, third, undone],
      app2: ["1.2.0", first, second, third],
    } as const;
    assert.deepEqual(plan(hosts as never).to, { app1: null, app2: "1.1.0" });
    const byItself = { ...hosts, app2: ["1.1.0", first, second, third] };
    const words = /app1: it was undone there already; app2: runs 1\.1\.0 since then/;
    assert.throws(() => plan(byItself as never), refusal(words));
  });

  test("a deploy that was done again until it was through is one", () => {
    const missed = { ...third, result: "not reached" };
    const again = done("2026-01-04", "1.1.0", "1.2.0");
    const same = record({ at: "2026-01-04", from: "1.2.0", to: "1.2.0", result: "unchanged" });
    const canary = [second, third, same];
    const rest = [second, missed, again];
    const hosts = { app1: ["1.2.0", ...canary], app2: ["1.2.0", ...rest] } as const;
    assert.deepEqual(plan(hosts as never).to, { app1: "1.1.0", app2: "1.1.0" });
    const undone = back("2026-01-05", "1.2.0", "1.1.0", "2026-01-04");
    const both = {
      app1: ["1.1.0", first, ...canary, undone],
      app2: ["1.1.0", first, ...rest, undone],
    };
    assert.deepEqual(plan(both as never).to, { app1: "1.0.0", app2: "1.0.0" });
  });

  test("a host that has gone on without its deployer goes back, too", () => {
    const missed = { ...third, result: "not reached" };
    const earlier = { at: "2025-12-31", from: "1.0.0", to: "1.2.0", result: "committed" };
    const told = { ...done("2025-12-31", "1.0.0", "1.2.0"), report: earlier } as never;
    const hosts = { app1: ["1.2.0", told, second], app2: ["1.1.0", second, missed] } as const;
    const own = { at: "2026-01-03", from: "1.1.0", to: "1.2.0", result: "committed" };
    const reload = { ...own, at: "2026-01-04", from: "1.2.0" };
    const upgrades = { app1: [earlier, own, reload] };
    assert.deepEqual(plan(hosts as never, undefined, upgrades).to, { app1: "1.1.0", app2: null });
    const { to } = plan({ ...hosts, app2: ["1.2.0", second, third] } as never, undefined, {
      app1: [earlier],
    });
    assert.deepEqual(to, { app1: null, app2: "1.1.0" });
  });

  test("where nothing runs any more what ran before is started, unless systemd would", () => {
    const { to } = plan({ app1: [null, second, third], app2: ["1.2.0", second, third] });
    assert.deepEqual(to, { app1: "1.1.0", app2: "1.1.0" });
    const { refusals } = plan({ unit: [null, second, third] });
    assert.match(refusals[0]!.error.message, /it is systemd's to start/);
  });

  test("a version by its name: every host that ran it before; another one refuses", () => {
    const hosts = { app1: ["1.2.0", third], app2: ["1.0.0", first] } as const;
    assert.deepEqual(plan(hosts as never, "1.0.0").to, { app1: "1.0.0", app2: null });
    const { refusals } = plan(hosts as never, "0.9.0");
    assert.match(
      refusals[0]!.error.message,
      /app1 .*no 0\.9\.0 that ran there before \(but 1\.0\.0/,
    );
  });
});
