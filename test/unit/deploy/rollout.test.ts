import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { resolveEnvironment } from "../../../src/deploy/environment.ts";
import { envText } from "../../../src/deploy/envText.ts";
import { type HostFacts, parseFacts } from "../../../src/deploy/facts.ts";
import { type Artefact, planRollout, unfitHosts, wavesOf } from "../../../src/deploy/rollout.ts";
import { parseEnvFile } from "../../../src/handler/envFile.ts";
import type { Manifest } from "../../../src/release/manifest.ts";
import { type Plan, planUpgrade } from "../../../src/relup/index.ts";
import { handmadeRelease } from "../../helpers/handmadeRelease.ts";

const names = ["a", "b", "c", "d", "e"];

describe("waves", () => {
  test("the canaries alone, then batches", () => {
    assert.deepEqual(wavesOf(names, { canary: 1, batch: 2 }), [["a"], ["b", "c"], ["d", "e"]]);
    assert.deepEqual(wavesOf(names, { canary: 1, batch: "100%" }), [["a"], ["b", "c", "d", "e"]]);
    assert.deepEqual(wavesOf(names, { canary: 0, batch: "25%" }), [["a", "b"], ["c", "d"], ["e"]]);
    assert.deepEqual(wavesOf(["a"], { canary: 1, batch: 1 }), [["a"]]);
    assert.deepEqual(wavesOf(names, { canary: 9, batch: 1 }), [names]);
  });
});

describe("envText", () => {
  test("the host reads the very values", () => {
    const values = {
      PLAIN: "postgres://user:pass@host:5432/name?ssl=1",
      EMPTY: "",
      QUOTES: `it's "so"`,
      BREAKS: "one\ntwo\r\nthree",
      LITERAL: "one\\n\ntwo",
      SPACES: "  # no comment  ",
      DOLLAR: "$HOME `id` \\",
      UNICODE: "漢字 é",
    };
    assert.deepEqual(parseEnvFile(envText(values), "etc/env"), values);
  });
});

describe("environments", () => {
  const config = {
    environments: {
      production: {
        hosts: ["a", { host: "b", root: "/opt/b/", env: { A: "2" } }],
        env: { A: "1" },
      },
    },
  };

  test("the only one needs no name; hosts have their own root and variables", () => {
    const { name, hosts, writesEnv } = resolveEnvironment(config, undefined, "wall");
    assert.equal(name, "production");
    assert.equal(writesEnv, true);
    assert.deepEqual(
      hosts.map(({ name, root, env }) => [name, root, env.A]),
      [
        ["a", "/srv/wall", "1"],
        ["b", "/opt/b", "2"],
      ],
    );
  });

  test("an unknown one, a relative root and a host that is there twice are refused", () => {
    assert.throws(() => resolveEnvironment(config, "staging", "wall"), {
      code: "TSUGI_ENVIRONMENT_UNKNOWN",
    });
    for (const hosts of [[{ host: "a", root: "srv/wall" }], ["a", "a"]]) {
      const wrong = { environments: { production: { hosts } } };
      assert.throws(() => resolveEnvironment(wrong, undefined, "wall"), {
        code: "TSUGI_CONFIG_INVALID",
      });
    }
  });
});

describe("the plan of a rollout", () => {
  const { manifest, releaseId } = handmadeRelease("2.0.0");
  const artefact: Artefact = {
    manifest,
    releaseId,
    tarball: "/tmp/x.tar.gz",
    bytes: 1000,
    verify: async () => {},
    sha256: async () => "",
  };
  const old = handmadeRelease("1.0.0");

  const facts = (change: Partial<HostFacts> = {}): HostFacts => ({
    ...parseFacts(
      "tsugi-facts 1\nuser you\nuid 1000\nsystem Linux x86_64\nlibc gnu\nnearest /srv/wall\nwritable yes\nmode drwxr-xr-x\nowner 1000\nfreeKb 1000000\n",
    ),
    ...change,
  });

  const running = (from: Manifest = old.manifest): Partial<HostFacts> => ({
    installed: true,
    manifest: from,
    releases: [
      {
        version: from.version,
        releaseId: old.releaseId,
        status: "permanent",
        verified: true,
        since: "",
        committed: 1,
      },
    ],
    status: { version: from.version, name: "wall", upgrade: null, processes: [] } as never,
  });

  function plan(change: Partial<HostFacts>) {
    const host = { name: "app1", root: "/srv/wall", local: false, env: {} };
    const rollout = { canary: 0, batch: 1, onFailure: "stop" as const };
    return planRollout(artefact, [{ host, facts: facts(change) }], {
      environment: "production",
      rollout,
      allowRestart: false,
      planUpgrade,
    });
  }

  const actionOf = (change: Partial<HostFacts>) => {
    const { hosts, refusals } = plan(change);
    assert.deepEqual(refusals, []);
    const { action, send, unpack, isRunning } = hosts[0]!;
    return { action, send, unpack, isRunning };
  };
  const refusalOf = (change: Partial<HostFacts>, systemd = false) => {
    const host = { name: "app1", root: "/srv/wall", local: false, env: {} };
    const asked = [{ host, facts: facts(change) }];
    const [unfit] = unfitHosts(asked, { environment: "production", systemd, dryRun: false });
    return (unfit ?? plan(change).refusals[0])?.error;
  };

  test("an empty host is installed, a running one upgraded", () => {
    assert.equal(actionOf({}).action, "install");
    const upgrade = { action: "upgrade", send: true, unpack: true, isRunning: true };
    assert.deepEqual(actionOf(running()), upgrade);
  });

  test("what is there is not sent again", () => {
    assert.equal(actionOf({ ...running(), boxes: { "2.0.0": 1000 } }).send, false);
    assert.equal(actionOf({ ...running(), boxes: { "2.0.0": 999 } }).send, true);
    const unpacked = { version: "2.0.0", releaseId, status: "unpacked", verified: true, since: "" };
    const releases = [...running().releases!, unpacked] as never;
    const { send, unpack } = actionOf({ ...running(), releases });
    assert.deepEqual([send, unpack], [false, false]);
  });

  test("one that does not run is started first; one that runs the release is left as it is", () => {
    const { isRunning, action } = actionOf({ ...running(), status: undefined });
    assert.deepEqual([isRunning, action], [false, "upgrade"]);
    const same = running(manifest);
    same.releases = [{ ...same.releases![0]!, releaseId }];
    assert.equal(actionOf(same).action, "reload");
    assert.equal(actionOf({ ...same, status: undefined }).action, "start");
  });

  test("another OTP or Elixir means a restart, which has to be asked for by name", () => {
    const beam = { ...artefact, manifest: { ...manifest, kind: "beam" as const } };
    const host = { name: "app1", root: "/srv/wall", local: false, env: {} };
    const restart: Plan = { ...planUpgrade(old.manifest, manifest), strategy: "restart" };
    const ask = (allowRestart: boolean, change: Partial<HostFacts>) =>
      planRollout(beam, [{ host, facts: facts(change) }], {
        environment: "production",
        rollout: { canary: 0, batch: 1, onFailure: "stop" },
        allowRestart,
        planUpgrade: () => restart,
      });
    assert.equal(ask(false, running()).refusals[0]?.error.code, "TSUGI_DEPLOY_RESTART_NEEDED");
    assert.equal(ask(true, running()).hosts[0]?.relup?.strategy, "restart");
    // Nothing runs there that would be lost.
    const stopped = ask(false, { ...running(), status: undefined });
    assert.deepEqual([stopped.refusals, stopped.hosts[0]?.restarts], [[], true]);
  });

  test("refuses what can't be, each with its reason", () => {
    const lock = { by: "you@there", reason: "no", at: new Date().toISOString(), isDeploy: false };
    const nearest = { path: "/srv/wall", writable: true, mode: "drwxr-xr-x", owner: 1000 };
    const cases: [RegExp, Partial<HostFacts>][] = [
      [/locked by you@there/, { lock }],
      [/has no gzip/, { missingTools: ["gzip"] }],
      [/can't be written by you/, { nearest: { ...nearest, writable: false } }],
      [/everybody may write/, { nearest: { ...nearest, mode: "drwxrwxrwx" } }],
      [/has a lib\/ that is of no tsugi release/, { has: ["lib"] }],
      [/linux-arm64/, { platform: "linux-arm64" }],
      [/Not enough space/, { freeBytes: 10 }],
      [/already with other bytes/, { ...running(manifest) }],
      [/This is a release of wall; here runs other/, running({ ...old.manifest, name: "other" })],
    ];
    for (const [words, change] of cases) assert.match(refusalOf(change)?.message ?? "", words);
    assert.match(refusalOf({}, true)?.message ?? "", /systemd does not run there/);
  });
});
