/** What counts as a secret. The samples are put together here: no token stands in a file of ours. */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { filesBelow, textFile } from "../../../src/pack/fileSet.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { refuseSecrets, withoutEnvFiles } from "../../../src/pack/secrets/index.ts";
import { isUnlikelyByChance, knownSecrets } from "../../../src/pack/secrets/known.ts";
import { NAMED_RULES } from "../../../src/pack/secrets/named.ts";
import { CREDENTIAL_FILES, RULES } from "../../../src/pack/secrets/rules.ts";
import { needlesOf, scanFile } from "../../../src/pack/secrets/scan.ts";
import { writeFiles } from "../../helpers/projects.ts";

const LETTERS = "aB3dE5gH7jK9mN2pQ4rS6tU8vW1xYzC0fLqRwTiO";
const text = (length: number, alphabet = LETTERS) =>
  alphabet.repeat(Math.ceil(length / alphabet.length)).slice(0, length);
const hex = (length: number) => text(length, "0a9b8c7d6e5f4132");
const upper = (length: number) => text(length, "QWERTYUIOPASDFGHJKLZXCVBNM234567");

const derKey = generateKeyPairSync("ed25519").privateKey.export({ format: "der", type: "pkcs8" });
const pemKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const SAMPLES: Record<string, string> = {
  "private-key-base64": Buffer.from(
    pemKey.export({ format: "pem", type: "pkcs8" }).toString(),
  ).toString("base64"),
  "private-key-der-base64": derKey.toString("base64"),
  jwk: JSON.stringify(pemKey.export({ format: "jwk" })),
  "settings-password": `password: ${text(20)}`,
  named: `"apiKey": "${text(20)}"`,
  "named-yaml": `session_secret: ${text(20)}`,
  "named-environment": `SESSION_SECRET: "correct-horse-battery-staple"`,
  "connection-string": `Server=db;Password=${text(20)}`,
  "private-key": `-----BEGIN RSA PRIVATE KEY-----\n${text(64)}\n${text(64)}\n${text(64)}\n`,
  age: `AGE-SECRET-KEY-1${upper(58)}`,
  "aws-id": `AKIA${upper(16)}`,
  "aws-secret": `aws_secret_access_key = ${text(40)}`,
  "azure-storage": `AccountKey=${text(86)}==`,
  github: `ghp_${text(36)}`,
  "github-fine": `github_pat_${text(22)}_${text(59)}`,
  gitlab: `glpat-${text(20)}`,
  slack: `xoxb-${text(12, "1234567890")}-${text(12, "1234567890")}-${text(24)}`,
  "slack-webhook": `hooks.slack.com/services/T${upper(9)}/B${upper(9)}/${text(24)}`,
  stripe: `sk_live_${text(24)}`,
  "stripe-webhook": `whsec_${text(32)}`,
  npm: `npm_${text(36)}`,
  npmrc: `//host/:_authToken=${text(30)}`,
  "google-oauth": `GOCSPX-${text(28)}`,
  "google-api": `AIza${text(35)}`,
  openai: `sk-proj-${text(74)}T3BlbkFJ${text(74)}`,
  anthropic: `sk-ant-api03-${text(93)}AA`,
  huggingface: `hf_${text(34, "aBcDeFgHiJkLmNoPqRsTuVwXyZ")}`,
  sendgrid: `SG.${text(22)}.${text(43)}`,
  mailgun: `key-${hex(32)}`,
  twilio: `SK${hex(32)}`,
  telegram: `${text(10, "1234567890")}:AA${text(33)}`,
  shopify: `shpat_${hex(32)}`,
  digitalocean: `dop_v1_${hex(64)}`,
  docker: `dckr_pat_${text(27)}`,
  databricks: `dapi${hex(32)}`,
  grafana: `glsa_${text(32)}_${hex(8)}`,
  vault: `hvs.${text(96)}`,
  linear: `lin_api_${text(40)}`,
  notion: `ntn_${text(11, "1234567890")}${text(35)}`,
  figma: `figd_${text(43)}`,
  "new-relic": `NRAK-${upper(27)}`,
  doppler: `dp.pt.${text(43)}`,
  planetscale: `pscale_tkn_${text(43)}`,
  heroku: `HRKU-AA${text(58)}`,
  pypi: `pypi-AgEIcHlwaS5vcmc${text(60)}`,
  url: `postgres://app:${text(16)}@db.internal/app`,
};

const scan = (path: string, content: string, known: { name: string; value: string }[] = []) =>
  scanFile({ path, bytes: Buffer.from(content), isPackage: false }, needlesOf(known));

describe("what has the form of a secret", () => {
  for (const { id, what, files } of [...RULES, ...NAMED_RULES]) {
    test(`${id}: ${what}, with its line`, () => {
      const sample = SAMPLES[id];
      assert.ok(sample, "a sample");
      const [path, content] =
        files === undefined
          ? ["src/a.js", `// é\nconst it = "${sample}";\n`]
          : ["config/a.yml", `# é\n${sample}\n`];
      const found = scan(path, content);
      assert.deepEqual(
        found.map((one) => [one.file, one.line, one.what]),
        [[path, 2, what]],
      );
      assert.ok(!JSON.stringify(found).includes(sample.slice(-20)));
    });
  }

  test("a private key inside a string, its line breaks written out", () => {
    const key = SAMPLES["private-key"]!.replaceAll("\n", "\\n");
    assert.equal(
      scan("a.json", `{ "type": "service_account", "private_key": "${key}" }`).length,
      1,
    );
  });

  test("examples and placeholders are none", () => {
    for (const none of [
      "AKIAIOSFODNN7EXAMPLE",
      `ghp_${"x".repeat(36)}`,
      `sk_live_${"0".repeat(24)}`,
      "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how .npmrc has it
      "//host/:_authToken=${NPM_TOKEN}",
      "postgres://postgres:password@db/app",
      `postgres://app:${text(16)}@localhost/app`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: code that puts an address together
      "postgres://${user}:${password}@${host}/app",
      `a${SAMPLES["aws-id"]}`,
    ]) {
      assert.deepEqual(scan("a.js", none), [], none);
    }
  });

  test("by its name, in configuration", () => {
    const secret = `pm2-prod-secret-${hex(12)}`;
    const file = `module.exports = { apps: [{ env_production: {\n  SESSION_SECRET: "${secret}",\n  DB_PASSWORD: 'hunter2hunter2xyz9',\n  JWT_SECRET: \`${hex(64)}\`,\n} }] };\n`;
    for (const path of ["ecosystem.config.cjs", "deploy/ecosystem.js", "config/production.js"]) {
      const lines = scan(path, file).map(({ line }) => line);
      assert.deepEqual(lines, [2, 3, 4], path);
    }
    assert.equal(scan("settings.json", `{ "db": { "password": "${text(16)}" } }`).length, 1);
    // Code, and lists of packages.
    assert.deepEqual(scan("src/server.js", file), []);
    assert.deepEqual(scan("package.json", '{ "@ours/token": "5.0.0-beta.25.1" }'), []);
    for (const none of [
      'token: "5.0.0-beta.25.1"',
      "secret: process.env.SESSION_SECRET1234",
      "jwtSecret: config.secrets.jwt12345",
      'password: "Your password of 8 letters"',
      'SESSION_SECRET: "change-me-in-production-1"',
      'AUTH_TOKEN: "AUTH_TOKEN_2"',
      'tokenName: "x-csrf-token-1234"',
      'secretFile: "/run/secrets/session-1"',
      'secret: "/run/secrets/session-1"',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as a shell has it
      'SESSION_SECRET: "${SESSION_SECRET:-4}"',
      'secret: "development"',
    ]) {
      assert.deepEqual(scan("ecosystem.config.js", `x = {\n  ${none}\n}`), [], none);
    }
  });

  test("files that are credentials, by their names", () => {
    for (const path of ["a/id_rsa", "b.p12", ".netrc", "home/.aws/credentials", "x.tfstate"]) {
      assert.equal(scan(path, "").length, 1, path);
    }
    for (const path of ["src/id_rsa.ts", "src/netrc.js", "aws/credentials"]) {
      assert.deepEqual(scan(path, ""), [], path);
    }
    assert.ok(CREDENTIAL_FILES.every(({ names }) => names !== ""));
  });

  test("one in a source map is told by the source's own file and line", () => {
    const sources = ["../src/b.ts", "../src/a.ts"];
    const sourcesContent = [null, `\n\nkey("${SAMPLES.github}")`];
    const map = JSON.stringify({ version: 3, sources, sourcesContent, mappings: "" });
    const [found, ...more] = scan("dist/a.js.map", map);
    assert.deepEqual([found?.file, found?.line, more], ["src/a.ts", 3, []]);
  });
});

describe("values that are known to be secret", () => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-known-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const value = text(24);
  const names = (env: NodeJS.ProcessEnv) => knownSecrets(folder, env).map(({ name }) => name);

  test("by the name of the variable, its length and how varied it is", () => {
    for (const name of ["STRIPE_SECRET", "API_KEY", "DB_PASSWORD", "GH_TOKEN", "SENTRY_AUTH"]) {
      assert.deepEqual(names({ [name]: value }), [`$${name}`]);
    }
    for (const name of [
      "PATH",
      "GIT_AUTHOR_NAME",
      "MAX_TOKENS",
      "NEXT_PUBLIC_API_KEY",
      "KEYBOARD",
    ]) {
      assert.deepEqual(names({ [name]: value }), [], name);
    }
    assert.deepEqual(names({ API_KEY: "short" }), []);
    assert.deepEqual(names({ API_KEY: "aaaaaaaaaaaaaaaaaaaa" }), []);
    assert.deepEqual(names({ API_KEY: process.execPath }), []);
    assert.ok(isUnlikelyByChance("correct horse"));
  });

  test("of an address its password", () => {
    const found = knownSecrets(folder, { DATABASE_URL: `postgres://app:${value}@db/app` });
    assert.deepEqual(
      found.map((one) => one.value),
      [`postgres://app:${value}@db/app`, value],
    );
    assert.deepEqual(names({ DATABASE_URL: "postgres://db/application" }), []);
  });

  test("those of .env and .npmrc too", () => {
    writeFiles(folder, {
      ".env": `SESSION_SECRET='${value}'\nPORT=4000\n`,
      ".npmrc": `//host/:_authToken=${text(30)}\n`,
    });
    assert.deepEqual(
      names({}).filter((name) => !name.includes(".npmrc") || name.includes(folder)),
      ["SESSION_SECRET of .env", `a token of ${join(folder, ".npmrc")}`],
    );
  });

  test("as it is, in JSON, in base64", () => {
    const awkward = 'pass"word\\12345';
    const known = [{ name: "$PASSWORD", value: awkward }];
    for (const written of [
      awkward,
      JSON.stringify(awkward),
      Buffer.from(awkward).toString("base64"),
    ]) {
      const [found] = scan("dist/a.js", `\n"${written}"`, known);
      assert.deepEqual([found?.line, found?.what], [2, "the value of $PASSWORD"], written);
    }
  });
});

describe("secrets in other clothes", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ed = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const der = (key: KeyObject, type: "pkcs8" | "pkcs1" | "sec1") =>
    key.export({ format: "der", type } as never) as unknown as Buffer;
  const spki = publicKey.export({ format: "der", type: "spki" });
  const found = (path: string, bytes: string | Buffer, isPackage = false) =>
    scanFile({ path, bytes: Buffer.from(bytes), isPackage }, []).map(({ what }) => what);
  const big = Buffer.from(`\ufeff${pem}`, "utf16le").swap16();
  const hidden: [what: string, path: string, bytes: string | Buffer][] = [
    ["PKCS#8", "key.der", der(privateKey, "pkcs8")],
    ["PKCS#1", "key.bin", der(privateKey, "pkcs1")],
    ["SEC 1", "ec.der", der(ec.privateKey, "sec1")],
    ["Ed25519", "ed.der", der(ed.privateKey, "pkcs8")],
    ["UTF-16", "key.txt", Buffer.from(`\ufeff${pem}`, "utf16le")],
    ["UTF-16, the other way round", "key.txt", big],
    ["base64 of a PEM", "a.js", `const key = "${Buffer.from(pem).toString("base64")}";`],
    ["base64 of PKCS#8", "a.js", `const key = "${der(privateKey, "pkcs8").toString("base64")}";`],
    ["base64 of Ed25519", "a.js", `k: ${der(ed.privateKey, "pkcs8").toString("base64")}`],
    ["base64 of EC", "a.js", `k: ${der(ec.privateKey, "pkcs8").toString("base64")}`],
    ["a JWK", "jwk.json", JSON.stringify(ed.privateKey.export({ format: "jwk" }))],
    ["settings", "config/prod.yml", "db:\n  password: Tr0ub4dor-and-3\n"],
    ["settings", "config/prod.ini", "db_password = 'Tr0ub4dor-and-3'\n"],
    ["a connection string", "a.js", 'const c = "Server=db;User Id=sa;Password=Tr0ub4dor3;";'],
    ["Docker", "deploy/.dockerconfigjson", '{"auths":{}}'],
  ];
  for (const [what, path, bytes] of hidden) {
    test(`${what} in ${path} is found`, () => assert.equal(found(path, bytes).length, 1));
  }

  test("what only looks like it is none", () => {
    const innocent: [path: string, bytes: string | Buffer][] = [
      ["key.der", spki],
      ["a.js", `"${spki.toString("base64")}"`],
      [
        "a.js",
        `"${Buffer.from(publicKey.export({ format: "pem", type: "spki" })).toString("base64")}"`,
      ],
      ["jwk.json", JSON.stringify(ed.publicKey.export({ format: "jwk" }))],
      ["openapi.yml", "password:\n  type: string\npassword: required\nnew_password: string\n"],
      [
        "config/prod.yml",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of a configuration file
        "password: ${DB_PASSWORD}\npassword: <%= ENV['X'] %>\npassword: changeme\n",
      ],
      ["a.js", 'const password = "Tr0ub4dor-and-3";'],
      ["a.js", '"Server=db;User Id=sa;Password=$' + '{PASSWORD}"'],
      ["a.js", "n.username=encodeURIComponent(t);n.password=encodeURIComponent(s)"],
    ];
    for (const [path, bytes] of innocent) assert.deepEqual(found(path, bytes), [], String(bytes));
  });

  test("what an editor has left of a file is that file, or is left out", () => {
    const notes: string[] = [];
    const log = { ...silentLog, note: (text: string) => notes.push(text) };
    const names = [
      ".env~",
      "#.env#",
      ".#.env",
      ".envrc",
      ".env.local~",
      "server.js~",
      "#server.js#",
      "server.js",
    ];
    const files = names.map((path) => textFile(path, ""));
    assert.deepEqual(
      withoutEnvFiles(files, log).map(({ path }) => path),
      ["server.js"],
    );
    assert.equal(notes.length, names.length - 1);
  });
});

describe("a secret in a package", () => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-published-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const token = SAMPLES.github!;
  const registry = { resolved: "https://registry.npmjs.org/a/-/a-1.0.0.tgz" };
  writeFiles(folder, {
    "node_modules/.package-lock.json": {
      packages: {
        "node_modules/a": registry,
        // As npm notes it where omit-lockfile-registry-resolved is set.
        "node_modules/@b/unnamed": { version: "1.0.0", integrity: "sha512-a" },
        "node_modules/mine": { resolved: "file:../mine", integrity: "sha512-b" },
      },
    },
    "node_modules/@b/unnamed/key.js": token,
    "yarn/node_modules/.yarn-state.yml":
      '"a@npm:1.0.0":\n  locations:\n    - "node_modules/a"\n\n"b@virtual:0a#npm:1.0.0":\n  locations:\n    - "node_modules/x/node_modules/b"\n\n"mine@file:../mine#../mine::hash=0a":\n  locations:\n    - "node_modules/mine"\n',
    "yarn/node_modules/a/key.js": token,
    "yarn/node_modules/x/node_modules/b/key.js": token,
    "yarn/node_modules/mine/key.js": token,
    "yarn1/node_modules/.yarn-integrity": {
      lockfileEntries: {
        "@b/a@^1": "https://registry.yarnpkg.com/@b/a/-/a-1.0.0.tgz#0a",
        "mine@file:../mine": "",
      },
    },
    "yarn1/node_modules/@b/a/key.js": token,
    "yarn1/node_modules/mine/key.js": token,
    "node_modules/a/examples/key.js": token,
    "node_modules/mine/key.js": token,
    "node_modules/unknown/key.js": token,
    "node_modules/.pnpm/b@1.0.0/node_modules/b/key.js": token,
    "node_modules/.pnpm/c@file+..+c/node_modules/c/key.js": token,
  });

  const search = async (path: string) => {
    const notes: string[] = [];
    const log = { ...silentLog, note: (text: string) => notes.push(text) };
    const packages = filesBelow(join(folder, path), path);
    assert.equal(packages.length, 1);
    await refuseSecrets({ own: [], packages, project: folder, allow: [] }, log);
    return notes.join();
  };

  test("that a registry gives out is spoken of, and no stop", async () => {
    for (const path of [
      ...["node_modules/a", "node_modules/@b/unnamed"],
      "node_modules/.pnpm/b@1.0.0/node_modules/b",
      ...["yarn/node_modules/a", "yarn/node_modules/x/node_modules/b", "yarn1/node_modules/@b/a"],
    ]) {
      assert.match(await search(path), /Published with a package.*\n.*key\.js:1 holds a GitHub/);
    }
  });

  test("of one's own is refused", async () => {
    for (const path of [
      ...["node_modules/mine", "node_modules/unknown"],
      "node_modules/.pnpm/c@file+..+c/node_modules/c",
      ...["yarn/node_modules/mine", "yarn1/node_modules/mine"],
    ]) {
      await assert.rejects(search(path), { code: "TSUGI_SECRET_FOUND" }, path);
    }
  });

  test("whose value is this project's is refused wherever it is", async () => {
    writeFiles(folder, { ".env": `A_TOKEN=${token}\n` });
    await assert.rejects(search("node_modules/a"), { code: "TSUGI_SECRET_FOUND" });
  });
});
