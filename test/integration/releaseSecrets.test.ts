/** `tsugi release` finds what must not be packed, wherever it stands; and nothing where there is nothing. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { ALL_DEPENDENCIES, collectPackages } from "../../src/assemble/packages.ts";
import { silentLog } from "../../src/pack/log.ts";
import { readProject } from "../../src/pack/project.ts";
import { refuseSecrets } from "../../src/pack/secrets/index.ts";
import { mustRun } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { smallProject, standInNode, tsugi } from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

/** Put together here: no token stands in a file of ours. */
const TOKEN = `ghp_${"aB3dE5gH7j".repeat(4)}`.slice(0, 40);
const VALUE = "correct-horse-battery-staple";

describe("tsugi release: secrets in what is packed", () => {
  const builds = new Releasing("release-secrets");
  const config = (more: object) => ({ runtime: { from: standInNode(builds.folder) }, ...more });

  test("in a source: its own file and line, and nothing of its value", async () => {
    smallProject(builds.folder, {
      "src/server.ts": 'import "./github.ts";\n',
      "src/github.ts": `// GitHub\n\nexport const token = "${TOKEN}";\n`,
    });
    await builds.refused("TSUGI_SECRET_FOUND", /src\/github\.ts:3 holds a GitHub token/);
    const { output } = await builds.run();
    assert.ok(!output.includes(TOKEN.slice(8)), output);
    assert.ok(!existsSync(builds.tree));
  });

  test("allowed with a reason, in its source and in what became of it; one that allows nothing is told", async () => {
    const secrets = {
      allow: [
        { file: "src/github.ts", reason: "revoked; it is the documentation's example" },
        { file: "src/gone.ts", reason: "once there was one" },
      ],
    };
    smallProject(builds.folder, {
      "tsugi.config.json": config({ secrets }),
      "src/server.ts": 'import "./github.ts";\n',
      "src/github.ts": `export const token = "${TOKEN}";\n`,
    });
    const { stdout } = await builds.must();
    assert.match(stdout, /secrets\.allow: src\/gone\.ts holds nothing/);
    assert.doesNotMatch(stdout, /src\/github\.ts/);
  });

  test("a value of the build's environment that a build script has written into the code", async () => {
    const write = `mkdir -p dist && node -e "fs.writeFileSync('dist/main.js', '\\n\\nkey=' + JSON.stringify(process.env.PAYMENT_KEY))"`;
    smallProject(builds.folder, {
      "package.json": {
        name: "small",
        version: "1.0.0",
        scripts: { build: write, start: "node dist/main.js" },
      },
    });
    const env = { ...builds.env, PAYMENT_KEY: VALUE };
    const refused = await tsugi(["release"], builds.folder, env);
    assert.equal(refused.status, 1, refused.output);
    assert.match(refused.stderr, /dist\/main\.js:3 holds the value of \$PAYMENT_KEY/);
    assert.ok(!refused.output.includes(VALUE));
    // The same code, where nobody knows that value as a secret.
    const { status } = await tsugi(["release"], builds.folder, { ...builds.env, COLOR: VALUE });
    assert.equal(status, 0);
  });

  test("a value of the project's .env, which itself is not packed", async () => {
    smallProject(builds.folder, {
      ".env": `SESSION_SECRET=${VALUE}\n`,
      "src/server.ts": `export const it = "${VALUE}";\n`,
    });
    await builds.refused(
      "TSUGI_SECRET_FOUND",
      /src\/server\.ts:1 holds the value of SESSION_SECRET of \.env/,
    );
  });

  test("in a package, in the settings, in a file of credentials: all are told at once", async () => {
    smallProject(builds.folder, {
      "package.json": { name: "small", version: "1.0.0", dependencies: { inner: "1" } },
      "tsugi.config.json": config({ files: ["keys"], nodeArgs: [`--title=${TOKEN}`] }),
      "node_modules/inner/package.json": { name: "inner", version: "1.0.0", main: "index.js" },
      "node_modules/inner/index.js": `module.exports = "${TOKEN}";\n`,
      "keys/a.p12": "binary",
    });
    const { stderr } = await builds.run();
    assert.match(stderr, /keys\/a\.p12:1 holds a key store/);
    assert.match(stderr, /node_modules\/inner\/index\.js:1 holds a GitHub token/);
    assert.match(stderr, /tsugi\.config:1 holds a GitHub token/);
  });

  test("packages that were searched once are searched again when another value is secret", async () => {
    smallProject(builds.folder, {
      "package.json": { name: "small", version: "1.0.0", dependencies: { inner: "1" } },
      "node_modules/inner/package.json": { name: "inner", version: "1.0.0", main: "index.js" },
      "node_modules/inner/index.js": `module.exports = "${VALUE}";\n`,
    });
    await builds.must();
    assert.ok(readdirSync(join(builds.env.TSUGI_CACHE, "scans")).length > 0);
    const again = await tsugi(["release"], builds.folder, { ...builds.env, A_SECRET: VALUE });
    assert.match(again.stderr, /inner\/index\.js:1 holds the value of \$A_SECRET/);
  });
});

/** Put together here too: what a scanner would stop at. */
const HEX = "c2d90a1b47e8f356".repeat(4);
const ECOSYSTEM = `module.exports = {
  apps: [{
    name: "small", script: "server.js", exec_mode: "cluster", instances: 2,
    env_production: {
      SESSION_SECRET: "pm2-prod-secret-${HEX.slice(0, 12)}",
      DB_PASSWORD: 'hunter2${VALUE}',
      JWT_SECRET: "${HEX}",
    },
  }],
};
`;

describe("what only deploys a project", () => {
  const builds = new Releasing("release-deploy-files");
  const javaScript = (files: Record<string, unknown>) =>
    smallProject(builds.folder, {
      "package.json": { name: "small", version: "1.0.0", scripts: { start: "node server.js" } },
      "server.js": 'require("node:http").createServer().listen(process.env.PORT ?? 0);\n',
      "ecosystem.config.cjs": ECOSYSTEM,
      ...files,
    });
  const packed = () =>
    builds
      .manifest()
      .files.map(({ path }) => path.replace(/^lib\/small-1\.0\.0\//, ""))
      .filter((path) => !path.startsWith("lib/") && !path.startsWith("runtime/"));

  test("is in no release, and it is said; nor does it make the application one that forks", async () => {
    const others = {
      "docker-compose.yml": "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: x1\n",
      "deploy/Dockerfile": "FROM node\n",
      "fly.toml": "[env]\n",
      "prod.tfvars": 'db_password = "x1"\n',
      "pm2.json": "{}",
      "cluster/secret.yaml": "apiVersion: v1\nkind: Secret\n",
      ".github/workflows/ci.yml": "on: push\n",
    };
    javaScript({ ...others, "data/words.yaml": "kind: words\n" });
    const { stdout } = await builds.must();
    assert.match(stdout, /Not packed, as only a deployment reads them: .*files in tsugi\.config/);
    const files = packed();
    for (const path of ["ecosystem.config.cjs", ...Object.keys(others)]) {
      assert.ok(!files.includes(path), path);
    }
    for (const path of ["server.js", "data/words.yaml"]) assert.ok(files.includes(path), path);
    assert.equal(builds.manifest().forks, undefined);
  });

  test("stays where the code names it", async () => {
    javaScript({
      "ecosystem.config.cjs": "module.exports = {};\n",
      "server.js":
        'require("node:fs").readFileSync("templates/Dockerfile");\nrequire("./process");\n' +
        'require("node:http").createServer().listen(process.env.PORT ?? 0);\n',
      "templates/Dockerfile": "FROM node\n",
      "process.json": "{}",
      "compose.yaml": "services: {}\n",
    });
    await builds.must();
    const files = packed();
    assert.ok(files.includes("templates/Dockerfile") && files.includes("process.json"));
    assert.ok(!files.includes("compose.yaml") && !files.includes("ecosystem.config.cjs"));
  });

  test("stops the build where it is packed all the same, with file and line", async () => {
    javaScript({
      "tsugi.config.json": {
        files: ["ecosystem.config.cjs"],
        runtime: { from: standInNode(builds.folder) },
      },
    });
    const { status, stderr } = await builds.run();
    assert.equal(status, 1, stderr);
    for (const line of [5, 6, 7]) {
      assert.match(
        stderr,
        new RegExp(`ecosystem\\.config\\.cjs:${line} holds a value that is called`),
      );
    }
    assert.ok(!stderr.includes(HEX) && !stderr.includes(VALUE), stderr);
  });

  test("code beside the application that forks does not make it one that does", async () => {
    javaScript({ "tools/load.js": 'require("node:cluster").fork();\n' });
    await builds.must();
    assert.equal(builds.manifest().forks, undefined);
    javaScript({
      "server.js":
        'new (require("node:worker_threads").Worker)(require("node:path").join(__dirname, "load.js"));\n',
      "load.js": 'const cluster = require("node:cluster");\n',
    });
    await builds.must("--version", "1.0.1");
    assert.equal(builds.manifest("1.0.1").forks, true);
  });
});

describe("twenty popular packages", () => {
  const folder = join(projectRoot, "test", "fixtures", "corpus");

  before(async () => {
    if (existsSync(join(folder, "node_modules", ".package-lock.json"))) return;
    await mustRun("npm", ["ci", "--ignore-scripts"], { cwd: folder, timeoutMs: 600_000 });
  });

  test("hold no secret, and are searched", async () => {
    const { files } = collectPackages(readProject(folder), ALL_DEPENDENCIES, silentLog);
    assert.ok(files.length > 5000, `${files.length} files`);
    const request = { own: [], packages: files, project: folder, allow: [] };
    await refuseSecrets(request, silentLog);
    const bytes = Buffer.from(TOKEN);
    const planted = { path: "node_modules/planted", mode: 0o644, source: { bytes } };
    await assert.rejects(refuseSecrets({ ...request, packages: [...files, planted] }, silentLog), {
      code: "TSUGI_SECRET_FOUND",
    });
  });
});
