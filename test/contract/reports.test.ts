/** One report, two renderers: a host of Node and one of the BEAM print the same lines. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { formatReport } from "../../src/control/formatReport.ts";
import { elixirMissing } from "../helpers/beam.ts";
import { mustRun } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";

const FIXTURE = join(projectRoot, "test", "fixtures", "contract", "reports.json");

/** Each of the fixture's reports by tsugi_show, a NUL behind each. */
const RENDER = `
  io:setopts([{encoding, unicode}]),
  {ok, Bytes} = file:read_file(os:getenv("REPORTS")),
  [io:put_chars([unicode:characters_to_list(unicode:characters_to_binary(
     tsugi_show:report(Report, #{direction => binary_to_atom(maps:get(<<"direction">>, Asked, <<"upgrade">>)),
                                checkOnly => maps:get(<<"checkOnly">>, Asked, false)}))), 0])
   || #{<<"asked">> := Asked, <<"report">> := Report} <- tsugi_json:decode(Bytes)],
  halt().`;

test("a report reads the same on both kinds of host", {
  skip: await elixirMissing(),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-reports-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const sources = ["tsugi_show", "tsugi_text", "tsugi_json", "tsugi_error"].map((name) =>
    join(projectRoot, "src", "beam-host", "erl", `${name}.erl`),
  );
  await mustRun("erlc", ["-o", folder, ...sources]);
  const { stdout } = await mustRun("erl", ["-noshell", "-pa", folder, "-eval", RENDER], {
    env: { ...process.env, REPORTS: FIXTURE, LC_ALL: "C.UTF-8" },
  });
  const fixtures = JSON.parse(readFileSync(FIXTURE, "utf8"));
  const expected = fixtures.map(({ asked, report }: Fixture) => formatReport(report, asked));
  assert.ok(expected.length > 5);
  assert.deepEqual(stdout.split("\0").slice(0, -1), expected);
});

interface Fixture {
  asked: Parameters<typeof formatReport>[1];
  report: Parameters<typeof formatReport>[0];
}
