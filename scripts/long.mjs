/**
 * `npm run long -- <machine> [option…]`: what tries to break the promises for minutes or hours
 * (docs/reliability.md). Without a name it lists what there is. Works on a fresh clone.
 *
 * To add one: a row here, its program in test/helpers or its tests in test/crash.
 */
import { spawnSync } from "node:child_process";
import { makeReady, projectRoot } from "./lib/ready.mjs";

const CRASH_OPTIONS = [
  "--scenario <name>      only that one, more than once for several",
  "--label <label[#n]>    only there",
  "--fault <fault>        only that one; with a label and a scenario: a single cell",
  "--sample <n>           so many cells, chosen by --seed <n>",
  "--results <file>       a line for each cell; with the same file it goes on where it was",
  "--list                 names the cells and runs none",
  "--write                writes its table into docs/reliability.md",
];

const isArchives = (asked) => /^(\d+|seeds)?$/.test(asked[0] ?? "");
const isMixed = (asked) => asked.some((argument) => /^--(minutes|seed)\b/.test(argument));

/**
 * Name → what it does, its options, and a program (by its arguments, perhaps) or files of tests, in
 * as many rounds as there are environments for them.
 */
const MACHINES = {
  crash: {
    does: "an upgrade under load, struck at every label by every fault",
    options: ["--lanes <n>            so many at once (2)", ...CRASH_OPTIONS],
    program: "test/helpers/crash/main.ts",
  },
  "crash:beam": {
    does: "the same for an Elixir release: upgrade, restart, start; needs Elixir",
    options: CRASH_OPTIONS,
    program: "test/helpers/crashBeam/main.ts",
  },
  beam: {
    does: "the suites of Elixir releases, and Phoenix under traffic, here and in a chroot of Debian trixie and sid; as root",
    options: [
      "[here|trixie|sid…]     only there",
      "--tests <file,…>       only those files; --folder <path>: where the chroots are kept",
    ],
    program: "test/helpers/beamMatrix.ts",
  },
  "crash:deploy": {
    does: "a kill at every event of a deploy, cables pulled",
    tests: ["test/crash/deploy.test.ts", "test/crash/deployNetwork.test.ts"],
  },
  soak: {
    does: "upgrades of all kinds, failures and kills in an order that a seed decides, under load",
    options: [
      "--minutes N [--seed S] [--websockets N] [--nodes a,b] [--express] [--write]",
      "--upgrades N [--swap]  in a fixed order instead; the other options as above",
    ],
    program: (asked) => `test/helpers/${isMixed(asked) ? "soakMixMain" : "soakMain"}.ts`,
  },
  operator: {
    does: "every command of bin/<app>, in any order, two at a time, with signals, as a seed decides",
    options: ["[--minutes N] [--seed S] [--write]"],
    program: "test/helpers/operator/main.ts",
  },
  power: {
    does: "the power is cut: what was recorded of a disk, mounted as it would be, boots a whole version; as root",
    options: ["[--cuts N] [--seed S] [--write]"],
    program: "test/helpers/powerCut/main.ts",
  },
  scale: {
    does: "a thousand hosts, deployed to by ssh and following one registry: time, load, what a bad version reaches",
    options: [
      "[ssh|follow] [--hosts N] [--seed S] [--write]   only that part; writes docs/scale.md",
    ],
    program: "test/helpers/scale/main.ts",
  },
  fuzz: {
    does: "spoilt archives, manifests, settings, messages; what breaks something goes into a corpus",
    options: [
      "[seconds] [seed]       archives; `seeds` writes the part of the corpus that was thought of",
      "<target>|all [--seconds N] [--seed N]   manifest, registry, settings, control, worker, config",
      "readers [--cases N] [--seconds N] [--seed N] [--write]   verify against three other tars",
    ],
    program: (asked) =>
      `test/helpers/${isArchives(asked) ? "fuzzMain" : asked[0] === "readers" ? "fuzz/readers" : "fuzz/main"}.ts`,
  },
  moment: {
    does: "300 clients of a room, 50 upgrades each of a handoff, a swap, a replace, plain TCP, two workers",
    tests: ["test/integration/moment.test.ts"],
    env: { TSUGI_TEST_ROOM: "300", TSUGI_TEST_ROUNDS: "25" },
  },
  chat: {
    does: "200 clients of a chat on Socket.IO, by every way; ten handoffs, ten hand-backs, ten swaps; beside pm2 reload",
    tests: ["test/contract/socketio.test.ts", "test/crash/chatBesidePm2.test.ts"],
    only: "a chat by",
    env: { TSUGI_TEST_CHAT: "200", TSUGI_TEST_CHAT_UPGRADES: "10" },
  },
  socketio: {
    does: "the suites of Socket.IO sessions over each minor release from 4.6 on",
    tests: ["test/contract/socketio.test.ts"],
    rounds: ["socket.io-4.6", "socket.io-4.7", "socket.io"].map((name) => ({
      TSUGI_TEST_SOCKET_IO: name,
    })),
  },
  datagrams: {
    does: "1,000 datagrams a second through ten upgrades, a reload, another Node: sent is answered",
    tests: ["test/integration/datagrams.test.ts"],
    env: { TSUGI_TEST_ROUNDS: "2" },
  },
  guards: {
    does: "a bug planted for each promise and kind of fault: does its guard notice?",
    options: [
      "--promise N            only that one; W, O, D, S or C: that kind of fault",
      "--write",
    ],
    program: "test/helpers/guards/main.ts",
  },
  world: {
    does: "projects as their starters make them: released, run, changed, upgraded, rolled back",
    options: [
      "[project…]             only those; --list names them",
      "--results <file>       a line for each; with the same file it goes on where it was",
      "--keep                 leaves the folders; --write writes the table of docs/reliability.md",
    ],
    program: "test/helpers/world/main.ts",
  },
  fleet: {
    does: "the Ansible role through sudo, on three hosts; as root",
    tests: ["test/fleet/ansibleSudo.test.ts"],
  },
  reliability: {
    does: "those of docs/reliability.md in full, each writing its section; for hours",
    options: ["[section…]             only those: crash, crash-beam, soak, swaps, …"],
    program: "scripts/reliability.ts",
  },
};

const [name, ...asked] = process.argv.slice(2);
const machine = Object.hasOwn(MACHINES, name ?? "") ? MACHINES[name] : undefined;
const isHelp = (word) => word === "--help" || word === "-h";
if (machine === undefined) {
  const isMistaken = name !== undefined && !isHelp(name);
  if (isMistaken) console.error(`There is no machine ${name}.\n`);
  tell(MACHINES, isMistaken ? console.error : console.log);
  process.exit(isMistaken ? 2 : 0);
}
// Before anything is installed or built for it.
if (asked.some(isHelp)) {
  tell({ [name]: machine }, console.log);
  process.exit(0);
}
makeReady();
if (machine.tests !== undefined) {
  const only = machine.only === undefined ? [] : [`--test-name-pattern=${machine.only}`];
  const options = ["--import", "tsx", "--test", "--test-reporter=spec", ...only, ...asked];
  for (const round of machine.rounds ?? [{}]) {
    const run = spawnSync(process.execPath, [...options, ...machine.tests], {
      cwd: projectRoot,
      stdio: "inherit",
      env: { ...machine.env, ...round, ...process.env },
    });
    process.exitCode ||= run.status ?? 1;
  }
} else {
  const { register } = await import("tsx/esm/api");
  register();
  // Its program reads its options as if it had been started itself.
  process.argv.splice(2, 1);
  const { program } = machine;
  try {
    await import(`../${typeof program === "function" ? program(asked) : program}`);
  } catch (error) {
    if (!String(error.code).startsWith("ERR_PARSE_ARGS_")) throw error;
    console.error(`${error.message}\n`);
    tell({ [name]: machine }, console.error);
    process.exitCode = 2;
  }
}

function tell(machines, print) {
  print("npm run long -- <machine> [option…]");
  for (const [machine, { does, options = [] }] of Object.entries(machines)) {
    print(`\n${machine}\n  ${does}`);
    for (const option of options) print(`    ${option}`);
  }
}
