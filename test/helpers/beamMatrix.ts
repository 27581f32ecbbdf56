/**
 * `npm run long -- beam`: the BEAM suites on more than one Elixir and OTP. Debian has them: 12 has 1.14 on
 * OTP 25, trixie 1.18 on 27, sid 1.20 on 29. Each gets a folder by debootstrap, which stays for the next time, and
 * the suites run in a chroot there with this project and this Node.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "./example.ts";

const PACKAGES = [
  ..."elixir rebar3 git make gcc libc6-dev ca-certificates curl procps iproute2".split(" "),
  ..."dev inets ssl runtime-tools tools parsetools os-mon xmerl eunit public-key mnesia ssh ftp tftp eldap asn1 crypto syntax-tools"
    .split(" ")
    .map((name) => `erlang-${name}`),
];
const SUITES = [
  "test/integration/beam.test.ts",
  "test/integration/beamAtOnce.test.ts",
  "test/integration/beamLife.test.ts",
  "test/integration/beamMix.test.ts",
  "test/integration/beamNif.test.ts",
  "test/integration/beamRefusals.test.ts",
  "test/integration/beamRestart.test.ts",
  "test/integration/beamTsugi.test.ts",
  "test/integration/beamUnpack.test.ts",
  "test/contract/binAppBeam.test.ts",
  "test/crash/beamLive.test.ts",
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tests: { type: "string" }, folder: { type: "string" } },
});
const folder = values.folder ?? join(homedir(), ".cache", "tsugi-beam-matrix");
const suites = values.tests?.split(",") ?? SUITES;
const places = positionals.length > 0 ? positionals : ["here", "trixie", "sid"];

function run(command: string, args: string[]): number {
  const { status, error } = spawnSync(command, args, { cwd: projectRoot, stdio: "inherit" });
  if (error) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}

function must(command: string, args: string[]): void {
  if (run(command, args) !== 0) throw new Error(`${command} ${args.slice(0, 3).join(" ")} failed`);
}

/** The folder of a Debian with Elixir in it; half of one is no use and is made anew. */
function makeDebian(name: string): string {
  const root = join(folder, name);
  if (!existsSync(join(root, "usr/bin/mix"))) {
    must("rm", ["-rf", "--one-file-system", root]);
    mkdirSync(folder, { recursive: true });
    must("debootstrap", ["--variant=minbase", name, root]);
  }
  // debootstrap leaves both out: no server is found, and no localhost.
  for (const file of ["resolv.conf", "hosts"])
    must("cp", ["-L", `/etc/${file}`, join(root, "etc", file)]);
  const installed = join(root, "packages.json");
  const packages = JSON.stringify(PACKAGES);
  if (existsSync(installed) && readFileSync(installed, "utf8") === packages) return root;
  // A mirror may be of a day that is long past, which sid's own date does not allow.
  const update = "apt-get -o Acquire::Check-Valid-Until=false update";
  const install = `${update} && apt-get install -y --no-install-recommends "$@"`;
  const options = [root, "env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", install, "sh"];
  withMounts(root, () => must("chroot", [...options, ...PACKAGES]));
  writeFileSync(installed, packages);
  return root;
}

function withMounts<T>(root: string, use: () => T): T {
  const mounts: [string[], string][] = [
    [["-t", "proc", "proc"], "proc"],
    [["--bind", "/dev"], "dev"],
    [["-t", "devpts", "devpts"], "dev/pts"],
    [["--bind", projectRoot], projectRoot],
  ];
  const made: string[] = [];
  try {
    for (const [args, place] of mounts) {
      const target = join(root, place);
      mkdirSync(target, { recursive: true });
      must("mount", [...args, target]);
      made.unshift(target);
    }
    return use();
  } finally {
    for (const target of made) run("umount", ["-l", target]);
  }
}

/** Exit code of the suites there. */
function runIn(place: string): number {
  if (place === "here") return run(process.execPath, ["--import", "tsx", "--test", ...suites]);
  const root = makeDebian(place);
  must("cp", [process.execPath, join(root, "usr/local/bin/node")]);
  const test = `cd "$1" && shift && exec node --import tsx --test "$@"`;
  return withMounts(root, () =>
    run("chroot", [root, "sh", "-c", test, "sh", projectRoot, ...suites]),
  );
}

if (process.getuid?.() !== 0) throw new Error("chroots want root");
const failed = places.filter((place) => {
  console.log(`\n# ${place}`);
  return runIn(place) !== 0;
});
if (failed.length > 0) {
  console.error(`failed: ${failed.join(", ")}`);
  process.exit(1);
}
