/** Elixir and Erlang in tests: fixture projects built in folders of their own, and hosts to run them. */
import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AppHost } from "./appHost.ts";
import { type CommandOptions, mustRun, runCommand } from "./commands.ts";
import { findProgram, unpackPackage, whyWithout } from "./debian.ts";
import { projectRoot, tsugiCli } from "./example.ts";

/** An install root of an Elixir or Erlang release. */
export const BeamHost = AppHost;
export type BeamHost = AppHost;

/** False, or why tests that need Elixir are skipped here. On Debian as root it gets installed. */
export const elixirMissing = () => whyWithout("mix", "erl");

/**
 * The folder of rebar3, if there is one. Debian's package wants a desktop of other packages, and runs
 * with Erlang alone: it is unpacked, not installed.
 */
export async function rebar3Folder(folder: string): Promise<string | undefined> {
  const found = findProgram("rebar3");
  if (found !== undefined) return dirname(found);
  const unpacked = await unpackPackage("rebar3", join(folder, "debian"));
  return unpacked === undefined ? undefined : join(unpacked, "usr", "bin");
}

export interface BeamVariant {
  fixture: string;
  /** A second fixture, laid over the first: only what differs. */
  over?: string;
  /** `tsugi release --version`. */
  version?: string;
  edit?: Record<string, (text: string) => string>;
  files?: Record<string, string>;
  env?: Record<string, string>;
}

export interface BuiltBeam {
  name: string;
  version: string;
  tarball: string;
  tree: string;
  sha256: string;
  folder: string;
}

/** Copies the fixture into a new, clean folder and changes it there. */
export function copyFixture(folder: string, variant: BeamVariant): void {
  const { fixture, over, edit = {}, files = {} } = variant;
  for (const name of over === undefined ? [fixture] : [fixture, over]) {
    cpSync(join(projectRoot, "test", "fixtures", "beam", name), folder, { recursive: true });
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
  }
  for (const [path, change] of Object.entries(edit)) {
    const before = readFileSync(join(folder, path), "utf8");
    const after = change(before);
    if (after === before) throw new Error(`the edit of ${path} changed nothing`);
    writeFileSync(join(folder, path), after);
  }
}

/** `tsugi release` in that folder; resolves whatever its exit code is. */
export const runRelease = (folder: string, args: string[] = [], options: CommandOptions = {}) =>
  runCommand(process.execPath, [tsugiCli, "release", "--json", ...args], {
    cwd: folder,
    timeoutMs: 600_000,
    ...options,
    env: { ...process.env, ...options.env },
  });

export async function buildBeam(folder: string, variant: BeamVariant): Promise<BuiltBeam> {
  copyFixture(folder, variant);
  const args = variant.version ? ["--version", variant.version] : [];
  const result = await runRelease(folder, args, variant.env ? { env: variant.env } : {});
  if (result.status !== 0) throw new Error(`tsugi release failed in ${folder}\n${result.output}`);
  return { ...JSON.parse(result.stdout), folder };
}

/** The same release with a logger of another version: as if it were built by another Elixir. Of shop 0.0.1 only. */
export const otherLogger = (one: { folder: string }, folder: string): Promise<BuiltBeam> =>
  otherRelease(one, folder, async () => {
    const library = readdirSync(join(folder, "lib")).find((name) => name.startsWith("logger-"))!;
    const vsn = library.slice("logger-".length);
    const to = join(folder, "lib", "logger-99.0.0");
    cpSync(join(folder, "lib", library), to, { recursive: true });
    await mustRun("rm", ["-r", join(folder, "lib", library)]);
    editFile(join(to, "ebin", "logger.app"), vsn, "99.0.0");
    const rel = join(folder, "releases", "0.0.9", "shop.rel");
    editFile(rel, `{logger,"${vsn}"`, '{logger,"99.0.0"');
  });

/**
 * The same release on an emulator of the same version and with other bytes, and with more in its files, by
 * their names in releases/<vsn>. Of shop 0.0.1 only.
 */
export const otherErlang = (
  one: { folder: string },
  folder: string,
  more: Record<string, string> = {},
): Promise<BuiltBeam> =>
  otherRelease(one, folder, async (release) => {
    for (const [name, text] of Object.entries(more)) appendFileSync(join(release, name), text);
    const erts = readdirSync(folder).find((name) => name.startsWith("erts-"))!;
    appendFileSync(join(folder, erts, "bin", "erl"), "# rebuilt\n");
  });

/** What mix has made of 0.0.1, changed and released as 0.0.9. */
async function otherRelease(
  one: { folder: string },
  folder: string,
  change: (release: string) => void | Promise<void>,
): Promise<BuiltBeam> {
  const env = { ...process.env, MIX_ENV: "prod" };
  await mustRun("mix", ["release", "--quiet", "--overwrite"], { cwd: one.folder, env });
  cpSync(join(one.folder, "_build", "prod", "rel", "shop"), folder, { recursive: true });
  const [old, release] = [join(folder, "releases", "0.0.1"), join(folder, "releases", "0.0.9")];
  cpSync(old, release, { recursive: true });
  await mustRun("rm", ["-r", old]);
  await change(release);
  editFile(join(release, "shop.rel"), '{"shop","0.0.1"}', '{"shop","0.0.9"}');
  const script = join(release, "start.script");
  editFile(script, /releases\/0\.0\.1\/consolidated/g, "releases/0.0.9/consolidated");
  const built = await runRelease(folder);
  if (built.status !== 0) throw new Error(built.output);
  return { ...JSON.parse(built.stdout), folder };
}

const editFile = (path: string, from: string | RegExp, text: string) =>
  writeFileSync(path, readFileSync(path, "utf8").replace(from, text));

/** Builds of one test file, each in a folder of its own that shares nothing with the others. */
export class BeamBuilds {
  readonly folder = mkdtempSync(join(tmpdir(), "tsugi-beam-"));
  readonly #built = new Map<string, Promise<BuiltBeam>>();
  #last: Promise<unknown> = Promise.resolve();

  /** The same key is built once; one build at a time. */
  get(key: string, variant: BeamVariant): Promise<BuiltBeam> {
    const known = this.#built.get(key);
    if (known) return known;
    const build = this.#last.then(() => buildBeam(join(this.folder, `clean-${key}`), variant));
    this.#last = build.catch(() => {});
    this.#built.set(key, build);
    return build;
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** How far a look at live states gets is a matter of time. */
const withoutTime = (reasons: string[]) => reasons.filter((one) => !one.startsWith("not looked "));

/** The plan that is shown is the plan that runs: `plan --json` against the report, up to what has failed. */
export async function asPlanned(
  host: BeamHost,
  verb: "upgrade" | "downgrade" | "rollback",
  version: string,
  ...options: string[]
) {
  const { value: plan } = await host.json("plan", version);
  const changed = await host.json(verb, ...(verb === "rollback" ? [] : [version]), ...options);
  const { strategy, reasons, steps, states } = changed.value;
  assert.equal(strategy, plan.strategy, changed.output);
  assert.deepEqual(withoutTime(reasons), withoutTime(plan.reasons), changed.output);
  const failed = steps.findIndex((step: { failed?: true }) => step.failed);
  const length = failed < 0 ? undefined : failed + 1;
  const done = steps.map(({ name }: { name: string }) => name);
  assert.deepEqual(done.slice(0, length), plan.steps.slice(0, length), changed.output);
  const relup = plan.instructions.join("\n");
  for (const { name } of states) assert.ok(relup.includes(`'${name}'`), relup);
  return changed;
}

/** Starts it with three additions in its cart. */
export async function startedWithCart(
  built: Parameters<typeof BeamHost.start>[0],
  check: (host: BeamHost) => Promise<void>,
  options: Parameters<typeof BeamHost.start>[1] = {},
): Promise<void> {
  const host = await BeamHost.start(built, options);
  try {
    for (let n = 0; n < 3; n += 1) await host.get("/add");
    await check(host);
  } finally {
    await host.remove();
  }
}
