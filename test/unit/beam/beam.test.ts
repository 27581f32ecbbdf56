/** The TypeScript half of the BEAM adapter, and what its Erlang half shares with it. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hookTerms } from "../../../src/beam/hooks.ts";
import { readReleaseFolder } from "../../../src/beam/otp.ts";
import { ELIXIR, OTP, planBeam } from "../../../src/beam/plan.ts";
import { beamKind, factsOf } from "../../../src/beam/project.ts";
import { ERRORS } from "../../../src/contract/errors.ts";
import type { Manifest } from "../../../src/release/manifest.ts";
import { projectRoot } from "../../helpers/example.ts";

function inFolder(check: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-beam-unit-"));
  try {
    check(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const manifest = (version: string, libraries: Record<string, string>, erts = "13.1.5") =>
  ({
    name: "shop",
    version,
    kind: "beam",
    runtime: { dir: `erts-${erts}-ab12cd34` },
    components: Object.entries({ erts, ...libraries }).map(([name, vsn]) => ({
      name,
      version: vsn,
      dir: `lib/${name}-${vsn}`,
      hash: "",
    })),
  }) as unknown as Manifest;

describe("the BEAM adapter", () => {
  test("every error that Erlang throws is in the registry", () => {
    const folder = join(projectRoot, "src", "beam-host", "erl");
    const named = readdirSync(folder)
      .filter((file) => file.endsWith(".erl"))
      .flatMap((file) => readFileSync(join(folder, file), "utf8").match(/'TSUGI_[A-Z_]+'/g) ?? []);
    const unknown = [...new Set(named)].filter((code) => !(code.slice(1, -1) in ERRORS));
    assert.ok(named.length > 20);
    assert.deepEqual(unknown, []);
  });

  test("build and host agree on which applications are the platform's", () => {
    const file = join(projectRoot, "src", "beam-host", "erl", "tsugi_release.erl");
    const text = readFileSync(file, "utf8");
    for (const [name, known] of Object.entries({ otp_apps: OTP, elixir_apps: ELIXIR })) {
      const list = new RegExp(`^${name}\\(\\) ->\\s*\\[([^\\]]*)\\]`, "m").exec(text)![1]!;
      assert.deepEqual(
        list
          .split(/[\s,]+/)
          .filter(Boolean)
          .sort(),
        [...known].sort(),
        name,
      );
    }
  });

  test("a Mix project, a rebar3 project and an assembled release are told apart", () => {
    inFolder((folder) => {
      assert.equal(beamKind(folder), undefined);
      for (const name of ["lib", "releases"]) mkdirSync(join(folder, name));
      assert.equal(beamKind(folder), "release");
      writeFileSync(join(folder, "rebar.config"), "");
      assert.equal(beamKind(folder), "rebar");
      writeFileSync(join(folder, "mix.exs"), "");
      assert.equal(beamKind(folder), "mix");
    });
  });

  test("facts are read among whatever else a build prints", () => {
    const facts = factsOf(
      "==> x\ntsugi:own=core\nwarning: a\ntsugi:own=front\ntsugi:version=1.0.0\n",
    );
    assert.deepEqual(facts.get("own"), ["core", "front"]);
    assert.deepEqual(facts.get("version"), ["1.0.0"]);
  });

  test("hooks are functions of the release, in Elixir's or Erlang's words; nothing else", () => {
    const terms = hookTerms({ before: ["Shop.Release.migrate()"], after: ["shop_release:tidy"] });
    assert.match(terms!, /\{'before', \[\{'Elixir\.Shop\.Release', 'migrate', \[\]\}\]\}/);
    assert.match(terms!, /\{'after', \[\{'shop_release', 'tidy', \[\]\}\]\}/);
    assert.equal(hookTerms({}), undefined);
    assert.throws(() => hookTerms({ before: ["rm -rf /"] }), { code: "TSUGI_CONFIG_INVALID" });
  });

  test("two releases of one platform are swapped; another OTP or Elixir is a restart", () => {
    const one = manifest("1.0.0", { shop: "1.0.0", stdlib: "4.2", elixir: "1.14.0" });
    const two = manifest("1.1.0", { shop: "1.1.0", stdlib: "4.2", elixir: "1.14.0" });
    assert.equal(planBeam(one, two).strategy, "swap");
    assert.deepEqual(planBeam(one, two).reasons, ["shop 1.0.0 → 1.1.0"]);
    const elixir = manifest("1.1.0", { shop: "1.1.0", stdlib: "4.2", elixir: "1.15.0" });
    assert.equal(planBeam(one, elixir).strategy, "restart");
    const erts = manifest("1.1.0", { shop: "1.1.0", stdlib: "4.2", elixir: "1.14.0" }, "14.0");
    assert.deepEqual(planBeam(one, erts).reasons, ["erts 13.1.5 → 14.0"]);
    assert.equal(planBeam(one, one).strategy, "none");
  });

  test("the same versions of Erlang with other bytes are a restart, said in words", () => {
    const libraries = { shop: "1.0.0", stdlib: "4.2", kernel: "8.5", sasl: "4.2" };
    const one = manifest("1.0.0", libraries);
    const rebuilt = (names: string[]) => ({
      ...manifest("1.1.0", { ...libraries, shop: "1.1.0" }),
      components: one.components.map((each) =>
        names.includes(each.name) ? { ...each, hash: "other" } : each,
      ),
    });
    const { strategy, reasons } = planBeam(one, rebuilt(["erts"]));
    assert.deepEqual(
      [strategy, reasons],
      ["restart", ["another build of the same version: erts 13.1.5"]],
    );
    assert.deepEqual(planBeam(one, rebuilt(["erts", "kernel", "sasl", "stdlib"])).reasons, [
      "another build of the same version: erts 13.1.5, kernel 8.5, sasl 4.2, 1 more",
    ]);
  });

  test("one of Erlang's applications that is new is started, without a restart", () => {
    const one = manifest("1.0.0", { shop: "1.0.0", stdlib: "4.2" });
    const two = manifest("1.1.0", { shop: "1.1.0", stdlib: "4.2", ssl: "10.8" });
    assert.equal(planBeam(one, two).strategy, "swap");
    assert.equal(planBeam(two, one).strategy, "swap");
  });

  test("a release folder without erts, or with two versions, is refused with the reason", () => {
    inFolder((folder) => {
      const place = join(folder, "releases", "1.0.0");
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, "x.rel"), '{release,{"tally","1.0.0"},{erts,"1"},[]}.');
      assert.throws(() => readReleaseFolder(folder, undefined), /carries no erts/);
      mkdirSync(join(folder, "erts-1"));
      assert.deepEqual(readReleaseFolder(folder, undefined), { name: "tally", version: "1.0.0" });
      mkdirSync(join(folder, "releases", "1.1.0"));
      assert.throws(() => readReleaseFolder(folder, undefined), /2 versions/);
    });
  });
});
