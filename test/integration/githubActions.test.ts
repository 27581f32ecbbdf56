/**
 * The workflow of the guide: held against GitHub's schema, and each of its `run` steps executed in order, from a
 * commit to a host that serves. What its `uses` steps do is done by hand here.
 */
import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { after, test } from "node:test";
import {
  convertWorkflowTemplate,
  NoOperationTraceWriter,
  parseWorkflow,
} from "@actions/workflow-parser";
import { parse } from "yaml";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { whyWithout } from "../helpers/debian.ts";
import { projectRoot, tsugiCli } from "../helpers/example.ts";
import { freePort } from "../helpers/ports.ts";
import { Repository } from "../helpers/repository.ts";
import { type SshFleet, startSshHosts, whyNoSshd } from "../helpers/sshd.ts";

interface Step {
  id?: string;
  name?: string;
  uses?: string;
  run?: string;
  env?: Record<string, string>;
  with?: Record<string, string>;
}
interface Workflow {
  jobs: Record<"release" | "production", { steps: Step[]; outputs?: Record<string, string> }>;
}

const file = join(projectRoot, "examples", "github-actions", "deploy.yml");
const text = readFileSync(file, "utf8");
const { jobs } = parse(text) as Workflow;

/** By GitHub's own parser: its form, then what it refers to. */
async function problemsOf(content: string): Promise<string[]> {
  const file = { name: "deploy.yml", content };
  const { context, value } = parseWorkflow(file, new NoOperationTraceWriter());
  if (value !== undefined) await convertWorkflowTemplate(context, value);
  return context.errors.getErrors().map(({ message }) => message);
}

test("the workflow is one that GitHub would take", async () => {
  assert.deepEqual(await problemsOf(text), []);
  for (const [right, other, problem] of [
    ["needs: release", "needs: nothing", /unknown job 'nothing'/],
    ["runs-on", "run-on", /Unexpected value 'run-on'/],
    ["- run", "- runs", /Unexpected value 'runs'/],
  ] as const) {
    assert.match((await problemsOf(text.replace(right, other))).join("\n"), problem);
  }
});

const skip = (await whyWithout("jq", "git")) || (await whyNoSshd());

test("its steps bring a commit to a host that serves it", { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-actions-"));
  const port = await freePort();
  let fleet: SshFleet | undefined;
  after(async () => {
    if (fleet) await runCommand(join(fleet.hosts[0]!.folder, "srv", "bin", "counter"), ["stop"]);
    await fleet?.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  fleet = await startSshHosts(["app1"]);
  const repository = await makeRepository(folder, fleet, port);
  const runner = await Runner.create(folder, repository, {
    "secrets.DEPLOY_KEY": readFileSync(join(fleet.folder, "key"), "utf8"),
    "vars.KNOWN_HOSTS": readFileSync(fleet.knownHosts, "utf8"),
    "secrets.DATABASE_URL": "mysql://me:hush@db/x",
  });
  await runner.job("release");
  await runner.job("production");

  const response = await fetch(`http://127.0.0.1:${port}/version`);
  assert.deepEqual(await response.json(), { version: "1.0.0" });
  const etc = join(fleet.hosts[0]!.folder, "srv", "etc", "env");
  assert.match(readFileSync(etc, "utf8"), /^DATABASE_URL="?mysql:\/\/me:hush@db\/x"?$/m);
  assert.ok(!runner.output.includes("hush"), "a secret was printed");
  assert.equal(statSync(join(runner.home, ".ssh", "id_ed25519")).mode & 0o777, 0o600);
  assert.match(runner.said, /^Deploy 1\.0\.0\+1\.[0-9a-f]{8}$/m);
});

/** What of GitHub's runner the workflow needs. */
class Runner {
  readonly home: string;
  output = "";
  said = "";
  readonly #folder: string;
  readonly #repository: Repository;
  readonly #values: Record<string, string>;
  readonly #path: string;

  static async create(folder: string, repository: Repository, values: Record<string, string>) {
    const tools = join(folder, "tools");
    mkdirSync(tools);
    // What `npm ci` would have put into node_modules, were tsugi on a registry.
    const npx = `#!/bin/sh\n[ "$1" = tsugi ] || exit 1\nshift\nexec "${process.execPath}" "${tsugiCli}" "$@"\n`;
    writeFileSync(join(tools, "npx"), npx, { mode: 0o755 });
    return new Runner(folder, repository, values, tools);
  }

  private constructor(
    folder: string,
    repository: Repository,
    values: Record<string, string>,
    tools: string,
  ) {
    this.home = join(folder, "home");
    mkdirSync(this.home);
    this.#folder = folder;
    this.#repository = repository;
    this.#values = values;
    this.#path = [tools, process.env.PATH].join(delimiter);
  }

  async job(name: keyof Workflow["jobs"]): Promise<void> {
    const workspace = join(this.#folder, name);
    for (const step of jobs[name].steps) {
      if (step.name) this.said += `${this.#evaluated(step.name)}\n`;
      if (step.run === undefined) await this.#use(step, workspace);
      else await this.#run(step, step.run, workspace);
    }
    for (const [key, value] of Object.entries(jobs[name].outputs ?? {})) {
      this.#values[`needs.${name}.outputs.${key}`] = this.#evaluated(value);
    }
  }

  async #run({ id, env = {} }: Step, script: string, workspace: string): Promise<void> {
    const outputs = join(this.#folder, "outputs");
    writeFileSync(outputs, "");
    const given = Object.entries(env).map(([key, value]) => [key, this.#evaluated(value)]);
    const result = await runCommand("bash", ["-e", "-o", "pipefail", "-c", script], {
      cwd: workspace,
      env: {
        ...process.env,
        ...Object.fromEntries(given),
        ...{ CI: "true", GITHUB_OUTPUT: outputs, HOME: this.home, PATH: this.#path },
        ...{ XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(process.env.HOME!, ".cache") },
        NODE_OPTIONS: "",
      },
      timeoutMs: 300_000,
    });
    this.output += result.output;
    assert.equal(result.status, 0, `${script}\n${result.output}`);
    for (const line of readFileSync(outputs, "utf8").split("\n").filter(Boolean)) {
      const [key, value] = line.split(/=(.*)/s) as [string, string];
      this.#values[`steps.${id}.outputs.${key}`] = value;
    }
  }

  async #use({ uses, with: given = {} }: Step, workspace: string): Promise<void> {
    const artifact = join(this.#folder, "artifact");
    switch (uses?.split("@")[0]) {
      case "actions/checkout":
        await mustRun("git", ["clone", "--quiet", this.#repository.folder, workspace]);
        return;
      case "actions/setup-node":
        return;
      case "actions/upload-artifact": {
        const path = this.#evaluated(given.path!);
        mkdirSync(artifact);
        copyFileSync(path, join(artifact, basename(path)));
        return;
      }
      case "actions/download-artifact":
        cpSync(artifact, join(workspace, given.path!), { recursive: true });
        return;
      default:
        assert.fail(`this runner does not know ${uses}`);
    }
  }

  #evaluated(value: string): string {
    return value.replace(/\$\{\{ *([\w.]+) *\}\}/g, (_, name: string) => {
      assert.ok(name in this.#values, `${name} has no value`);
      return this.#values[name]!;
    });
  }
}

/** The counter, with an environment `production` that is our host. */
async function makeRepository(folder: string, fleet: SshFleet, port: number): Promise<Repository> {
  const source = join(folder, "source");
  cpSync(join(projectRoot, "test/fixtures/apps/counter-1.0.0"), source, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  manifest.scripts = { ...manifest.scripts, test: "true" };
  const production = {
    hosts: ["app1"],
    root: join(fleet.hosts[0]!.folder, "srv"),
    ssh: { config: fleet.configFile },
    env: { PORT: String(port) },
    secrets: { DATABASE_URL: { env: "DATABASE_URL" } },
  };
  const { name, version } = manifest;
  return Repository.create(source, {
    "package.json": manifest,
    "package-lock.json": { name, version, lockfileVersion: 3, packages: { "": { name, version } } },
    ".gitignore": "node_modules/\nrel/\nrelease.json\n",
    "tsugi.config.json": { environments: { production } },
  });
}
