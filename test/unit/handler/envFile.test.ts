/** `etc/env`: read as Node reads such a file, and refused where no process could be given it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseEnv } from "node:util";
import { TsugiError } from "../../../src/contract/errors.ts";
import { envText } from "../../../src/deploy/envText.ts";
import { parseEnvFile, readEnvFile } from "../../../src/handler/envFile.ts";
import { temporaryFolder } from "../../helpers/handmadeRelease.ts";

const AWK = join(import.meta.dirname, "../../../src/beam-host/env.awk");
const SECRET = "hunter2-is-the-value";

/** Pieces of values that mean something to some reader of such files. */
const PIECES = [
  "a",
  "\\",
  "\\n",
  "\\t",
  "\\r",
  "\\\\",
  "'",
  '"',
  "`",
  "$HOME",
  " ",
  "\t",
  "é",
  "=",
  "#",
  "\\$",
];

/** Every value of up to three pieces. */
function* values(): Generator<string> {
  for (const a of PIECES) {
    yield a;
    for (const b of PIECES) {
      yield a + b;
      for (const c of PIECES) yield a + b + c;
    }
  }
}

function* texts(): Generator<string> {
  for (const value of values())
    for (const quote of ["", "'", '"', "`"]) yield `A=${quote}${value}${quote}\nB=2`;
}

const read = (text: string): Record<string, string> | undefined => {
  try {
    return parseEnvFile(text, "etc/env");
  } catch {
    return undefined;
  }
};

/** Node cuts at a # within a word, keeps tabs around it, and drops what follows a closing quote. */
function dropsNothing(text: string): boolean {
  const [line] = text.split("\nB=2");
  if (/=\s*\t|\t\s*$/.test(line!)) return false;
  const value = line!.slice(2).trim();
  const quote = value[0];
  if (quote !== "'" && quote !== '"' && quote !== "`") return !value.includes("#");
  const end = value.indexOf(quote, 1);
  return end > 0 && /^\s*(#.*)?$/.test(value.slice(end + 1));
}

describe("etc/env", () => {
  test("is read as Node's --env-file is, wherever that drops nothing", () => {
    let compared = 0;
    for (const text of texts()) {
      if (!dropsNothing(text)) continue;
      compared += 1;
      assert.deepEqual(read(text), { ...parseEnv(text) }, JSON.stringify(text));
    }
    assert.ok(compared > 8_000, `${compared} compared`);
  });

  test("names with . and - are taken, as Node takes them", () => {
    const text = "spring.profile=a\nexport X-Y_1=b\n";
    assert.deepEqual(parseEnvFile(text, "etc/env"), { ...parseEnv(text) });
  });

  for (const [what, bytes, problem] of [
    ["a NUL byte", `A=1\nKEY="${SECRET}\0x"`, /line 2, .*KEY has a NUL/],
    ["an invalid name", `A=1\nKEY WORD=${SECRET}`, /line 2, .*begins with a letter/],
    ["a name that begins with a digit", `1KEY=${SECRET}`, /line 1, .*begins with a letter/],
    ["Node's channel", "A=1\n\nNODE_CHANNEL_FD=3", /line 3, .*NODE_CHANNEL_FD is set by/],
    ["cluster's number", "NODE_UNIQUE_ID=1", /line 1, .*NODE_UNIQUE_ID/],
    ["tsugi's own", `TSUGI_WORKER=${SECRET}`, /line 1, .*TSUGI_WORKER/],
    ["the supervisor's", `TSUGI_SUPERVISOR=${SECRET}`, /line 1, .*TSUGI_SUPERVISOR/],
    ["200 kB", `A=1\nKEY=${SECRET.repeat(10_000)}`, /line 2, .*KEY is too long: 200005 bytes/],
    ["text behind a quote", `KEY='${SECRET}' ${SECRET}`, /line 1, .*of KEY/],
    [
      "too much together",
      Array.from(
        { length: 20 },
        (_, at) => `K${at}=${"x".repeat(at === 7 ? 130_000 : 100_000)}`,
      ).join("\n"),
      /line 8, .*all variables together .*K7 is the longest/,
    ],
  ] as const) {
    test(`with ${what} is refused by file, line and name, without the value`, () => {
      assert.throws(
        () => readEnvFile(Buffer.from(bytes), "/srv/app/etc/env"),
        (error: unknown) => {
          assert.ok(error instanceof TsugiError);
          assert.equal(error.code, "TSUGI_SETTINGS_INVALID");
          assert.match(error.message, problem);
          assert.match(error.message, /^\/srv\/app\/etc\/env, line/);
          assert.doesNotMatch(error.message + error.hint, /hunter2/);
          return true;
        },
      );
    });
  }

  test("with invalid UTF-8 is refused, not read as something else", () => {
    const bytes = Buffer.concat([
      Buffer.from("A=é\nKEY=caf"),
      Buffer.from([0xe9]),
      Buffer.from("\n"),
    ]);
    assert.throws(() => readEnvFile(bytes, "etc/env"), /etc\/env, line 2, .*KEY is not UTF-8/);
  });

  test("the longest variable that is taken is the longest that a process can be given", () => {
    const longest = "x".repeat(131_072 - "KEY=\0".length);
    const run = (value: string) => spawnSync("/bin/true", { env: { KEY: value } }).status;
    assert.equal(readEnvFile(Buffer.from(`KEY=${longest}`), "etc/env").KEY, longest);
    assert.throws(() => readEnvFile(Buffer.from(`KEY=${longest}x`), "etc/env"), /too long/);
    assert.equal(run(longest), 0);
    if (process.platform === "linux") assert.equal(run(`${longest}x`), null);
  });
});

describe("what deploy writes into etc/env", () => {
  test("is read as it was, by the host, by Node, and by a BEAM host", () => {
    const all = [...values(), "one\ntwo\r\nthree", `it's\n"so"`, "x".repeat(1_000)];
    const variables: Record<string, string> = {};
    const refused: string[] = [];
    for (const value of all) {
      try {
        envText({ V: value });
        variables[`V${Object.keys(variables).length}`] = value;
      } catch {
        refused.push(value);
      }
    }
    assert.ok(
      refused.every((value) => /['"`]/.test(value)),
      JSON.stringify(refused),
    );
    assert.ok(refused.length < 20, JSON.stringify(refused));
    const text = envText(variables);
    assert.deepEqual(parseEnvFile(text, "etc/env"), variables);
    assert.deepEqual(readByAwk(text), variables);
  });

  test("and refused with its name where no host would take it", () => {
    assert.throws(
      () => envText({ KEY: `${SECRET}\0` }),
      (error: unknown) => {
        assert.match(String(error), /KEY has a NUL/);
        assert.doesNotMatch(String(error), /hunter2/);
        return true;
      },
    );
  });
});

/** As environment.sh does it. */
function readByAwk(text: string): Record<string, string> {
  using folder = temporaryFolder();
  const file = join(folder.path, "env");
  writeFileSync(file, text);
  const script = 'eval "$(LC_ALL=C awk -f "$1" "$2")"; exec "$3" -p "JSON.stringify(process.env)"';
  const result = spawnSync("sh", ["-c", script, "sh", AWK, file, process.execPath], {
    env: { PATH: process.env.PATH },
    encoding: "utf8",
  });
  assert.equal(result.stderr, "");
  const env = JSON.parse(result.stdout) as Record<string, string>;
  return Object.fromEntries(Object.entries(env).filter(([name]) => /^V\d/.test(name)));
}

describe("etc/env on a BEAM host", () => {
  test("is refused by line and name, without the value", () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "env");
    const lines = ["A=1", `TSUGI_ROOT=${SECRET}`, `KEY=${SECRET.repeat(7_000)}`, `B='x' ${SECRET}`];
    writeFileSync(file, `${lines.join("\n")}\nC=\`open`);
    const { stdout, status } = spawnSync("awk", ["-f", AWK, file], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stdout, /^# line 2: TSUGI_ROOT is set by tsugi/m);
    assert.match(stdout, /^# line 3: KEY is too long/m);
    assert.match(stdout, /^# line 4: text after the closing ' of B/m);
    assert.match(stdout, /^# line 5: the ` of C is never closed/m);
    assert.match(stdout, /^TSUGI_ETC=' A'$/m);
    assert.doesNotMatch(stdout, /hunter2/);
  });
});
