/** `tsugi`, on the build machine. Each command is a file of its own, loaded when it is asked for. */
import { Command, CommanderError, Option } from "commander";
import { ownPackage } from "../pack/ownPackage.ts";
import { fail, setJson } from "./output.ts";

const program = new Command("tsugi")
  .description("Build, run and upgrade releases of Node.js services while they run.")
  .version(ownPackage().version, "-V, --version", "print tsugi's version")
  .enablePositionalOptions()
  .exitOverride()
  .configureOutput({ outputError: () => {} });

const JSON_OPTION = ["--json", "one JSON document on stdout, progress on stderr"] as const;

program
  .command("init")
  .description("write a tsugi.config.ts with what a release would guess")
  .argument("[folder]", "the project", ".")
  .option("--from <file>", "take over a PM2 ecosystem file")
  .option(...JSON_OPTION)
  .action(async (folder, options) => {
    const { initCommand } = await import("./commands/init.ts");
    await initCommand(folder, options);
  });

program
  .command("release")
  .description("build a release: tree and tarball in .tsugi/")
  .argument("[folder]", "the project; with --git, its folder in the repository", ".")
  .option("--git <url|path>", "build a clean clone of that repository instead")
  .option("--ref <ref>", "with --git: a branch, tag or commit")
  .option("--version <version>", 'a semantic version, "package" or "git"')
  .option("--node <version>", "the Node that the release carries")
  .option("--config <file>", "another configuration file")
  .option("--out <folder>", "where <app>/ goes (default: .tsugi/node_modules in the project)")
  .option("--sign <key>", "sign it with a private key of tsugi keys; - reads the key from stdin")
  .option(...JSON_OPTION)
  .action(async (folder, options) => {
    const { releaseCommand } = await import("./commands/release.ts");
    await releaseCommand(folder, options);
  });

const STORE_OPTION = [
  "--store <place>",
  "a folder or ssh://host/folder (default: TSUGI_STORE, or store in tsugi.config.*)",
] as const;

program
  .command("plan")
  .description("say how an upgrade between two releases would go, and why")
  .argument(
    "<from>",
    "a folder, a tarball, wall@1.2.0 in a store, or ssh://host/root: what runs there",
  )
  .argument("<to>", "another one")
  .addOption(
    new Option("--require <strategy>", "exit 4 where the upgrade needs more than that").choices([
      "swap",
      "handoff",
      "replace",
    ]),
  )
  .option(...STORE_OPTION)
  .option(...JSON_OPTION)
  .action(async (from, to, options) => {
    const { planCommand } = await import("./commands/plan.ts");
    await planCommand(from, to, options);
  });

program
  .command("verify")
  .description("hold every file of a release against its manifest")
  .argument("<release>", "its folder or tarball, or wall@1.2.0 in a store")
  .option("--keys <file>", "and refuse it unless a key of this trusted_keys file has signed it")
  .option(...STORE_OPTION)
  .option(...JSON_OPTION)
  .action(async (place, options) => {
    const { verifyCommand } = await import("./commands/verify.ts");
    await verifyCommand(place, options);
  });

program
  .command("delta")
  .description("make what one host lacks of a release: bin/<app> unpack --delta takes it there")
  .argument("<release>", "its folder or tarball; older ones beside it are built on")
  .requiredOption("--inventory <file>", "what bin/<app> inventory --json says there; - reads stdin")
  .option("--base <release...>", "older releases that lie elsewhere")
  .requiredOption("-o, --out <file>", "where the delta goes; - writes to stdout")
  .option(...JSON_OPTION)
  .action(async (place, options) => {
    const { deltaCommand } = await import("./commands/delta.ts");
    await deltaCommand(place, options);
  });

const keys = program
  .command("keys")
  .description("keys that sign releases: tsugi keys new, tsugi keys show")
  .action(() => keys.outputHelp());
keys
  .command("new")
  .description("make a pair: the private file (0600), and the line for etc/trusted_keys")
  .argument("[file]", "where it goes (default: ~/.config/tsugi/release.key)")
  .option("--comment <text>", "stands in the line (default: the file's name)")
  .option(...JSON_OPTION)
  .action(async (file, options) => {
    const { newKeyCommand } = await import("./commands/keys.ts");
    newKeyCommand(file, options);
  });
keys
  .command("show")
  .description("print the line of etc/trusted_keys for a key")
  .argument("[file]", "a private or public key, or a trusted_keys file")
  .option(...JSON_OPTION)
  .action(async (file) => {
    const { showKeysCommand } = await import("./commands/keys.ts");
    showKeysCommand(file);
  });

program
  .command("push")
  .description("put a release into the store; content that is there already is not moved")
  .argument("[release]", "its tarball, a build's folder, or the project", ".")
  .option(...STORE_OPTION)
  .option(...JSON_OPTION)
  .action(async (place, options) => {
    const { pushCommand } = await import("./commands/push.ts");
    await pushCommand(place, options);
  });

program
  .command("pull")
  .description("get the tarball of a release from the store, verified")
  .argument("<release>", "such as wall@1.2.0, wall@latest or /mnt/store#wall@1.2.0")
  .option("--out <path>", "a folder, or the tarball's path (default: wall-1.2.0.tar.gz here)")
  .option("--keys <file>", "trusted_keys: a release that none of them has signed is refused")
  .option(...STORE_OPTION)
  .option(...JSON_OPTION)
  .action(async (reference, options) => {
    const { pullCommand } = await import("./commands/pull.ts");
    await pullCommand(reference, options);
  });

program
  .command("list")
  .description("what the store has, the newest push first")
  .argument("[name]", "only this app")
  .option(...STORE_OPTION)
  .option(...JSON_OPTION)
  .action(async (name, options) => {
    const { listCommand } = await import("./commands/list.ts");
    await listCommand(name, options);
  });

program
  .command("prune")
  .description("keep the newest releases of each app in the store, and what they are made of")
  .argument("[name]", "only this app")
  .option("--keep <count>", "how many of each", "5")
  .option("--dry-run", "only say which would go")
  .option(...STORE_OPTION)
  .option(...JSON_OPTION)
  .action(async (name, options) => {
    const { pruneCommand } = await import("./commands/prune.ts");
    await pruneCommand(name, options);
  });

program
  .command("run")
  .description("run a project from source, without a release; its commands: .tsugi/bin/<app>")
  .argument("[entry]", "default: what a release would start")
  .option("-d, --detach", "as a daemon; returns when it is ready")
  .option("-C, --cwd <folder>", "the project (default: .)")
  .option(...JSON_OPTION)
  .action(async (entry, options) => {
    const { runCommand } = await import("./commands/run.ts");
    await runCommand(entry, options);
  });

program
  .command("stop")
  .description("stop what tsugi run has started; requests under way are finished")
  .option("-C, --cwd <folder>", "the project (default: .)")
  .option(...JSON_OPTION)
  .action(async (options) => {
    const { stopCommand } = await import("./commands/stop.ts");
    await stopCommand(options);
  });

const CONFIG_OPTION = ["--config <file>", "another configuration file"] as const;
const names = (text: string, before: string[] = []) => [...before, ...text.split(",")];
const HOST_OPTION = ["--host <name>", "only this one; more with commas, or again", names] as const;
const SKIP_OPTION = ["--skip <name>", "all but this one", names] as const;
const ENVIRONMENT = [
  "[environment]",
  "of tsugi.config.*; may be left out where there is one",
] as const;

program
  .command("deploy")
  .description("bring a release to every host of an environment and go over to it")
  .argument(...ENVIRONMENT)
  .argument(
    "[release]",
    "a tarball, a build's folder or name@version (default: build this project)",
  )
  .option("--git <url|path>", "build a clean clone of that repository")
  .option("--ref <ref>", "a branch, tag or commit of --git, or else of this repository")
  .option(...HOST_OPTION)
  .option(...SKIP_OPTION)
  .option(...CONFIG_OPTION)
  .option("--dry-run", "ask the hosts, then print the commands and change nothing")
  .option("--allow-restart", "Elixir, Erlang: also where only a restart will do; state is lost")
  .option("--yes", "ask nothing")
  .option("--json", "events, one a line")
  .action(async (environment, release, options) => {
    const { deployCommand } = await import("./commands/deploy.ts");
    await deployCommand(environment, release, options);
  });

program
  .command("status")
  .description("what runs on each host: version, since when, health, pending, last pause")
  .argument(...ENVIRONMENT)
  .option(...HOST_OPTION)
  .option(...SKIP_OPTION)
  .option(...CONFIG_OPTION)
  .option(...JSON_OPTION)
  .action(async (environment, options) => {
    const { statusCommand } = await import("./commands/status.ts");
    await statusCommand(environment, options);
  });

program
  .command("view")
  .description("a page of what runs where, how upgrades went, and how the next would")
  .argument(...ENVIRONMENT)
  .option("--out <file>", "where the page goes", "tsugi-view.html")
  .option("--live", "serve it on this machine instead, and follow what goes on")
  .option("--next <release>", "and how an upgrade to that release would go")
  .option(...STORE_OPTION)
  .option(...CONFIG_OPTION)
  .option(...JSON_OPTION)
  .action(async (environment, options) => {
    const { viewCommand } = await import("./commands/view.ts");
    await viewCommand(environment, options);
  });

program
  .command("rollback")
  .description("undo the last deploy, on the hosts that it changed")
  .argument(...ENVIRONMENT)
  .option("--to <version>", "go to this one instead: it ran there before")
  .option("--dry-run", "say what would be done, and do nothing")
  .option("--yes", "ask nothing")
  .option(...HOST_OPTION)
  .option(...SKIP_OPTION)
  .option(...CONFIG_OPTION)
  .option("--json", "events, one a line")
  .action(async (environment, options) => {
    const { rollbackCommand } = await import("./commands/rollback.ts");
    await rollbackCommand(environment, options);
  });

program
  .command("logs")
  .description("the logs of all hosts, merged")
  .argument(...ENVIRONMENT)
  .option("-f, --follow", "go on until Ctrl-C")
  .option("-n, --lines <count>", "how many of the last lines of each host", "20")
  .option(...HOST_OPTION)
  .option(...SKIP_OPTION)
  .option(...CONFIG_OPTION)
  .action(async (environment, options) => {
    const { logsCommand } = await import("./commands/logs.ts");
    await logsCommand(environment, options);
  });

program
  .command("exec")
  .description("run a command on every host, in its install root: tsugi exec production -- ls log")
  .argument("<words...>", "[environment] [--] command arguments")
  .option(...HOST_OPTION)
  .option(...SKIP_OPTION)
  .option(...CONFIG_OPTION)
  .option(...JSON_OPTION)
  .passThroughOptions()
  .action(async (words, options) => {
    const { execCommand } = await import("./commands/exec.ts");
    await execCommand(words, options);
  });

program
  .command("lock")
  .description("let nobody deploy to the hosts of an environment")
  .argument(...ENVIRONMENT)
  .requiredOption("--reason <text>", "who is refused reads it")
  .option(...HOST_OPTION)
  .option(...SKIP_OPTION)
  .option(...CONFIG_OPTION)
  .option(...JSON_OPTION)
  .action(async (environment, options) => {
    const { lockCommand } = await import("./commands/lock.ts");
    await lockCommand(environment, options);
  });

program
  .command("unlock")
  .description("take the deploy lock away, whoever's it is")
  .argument(...ENVIRONMENT)
  .option(...HOST_OPTION)
  .option(...SKIP_OPTION)
  .option(...CONFIG_OPTION)
  .option(...JSON_OPTION)
  .action(async (environment, options) => {
    const { unlockCommand } = await import("./commands/lock.ts");
    await unlockCommand(environment, options);
  });

program.helpCommand(false);
program
  .command("help")
  .description("help on a command, or on the configuration: tsugi help config")
  .argument("[topic]")
  .option(...JSON_OPTION)
  .action(async (topic) => {
    if (topic === "config") return (await import("./commands/help.ts")).helpConfigCommand();
    const command = program.commands.find((known) => known.name() === topic);
    if (topic !== undefined && command === undefined) {
      throw new CommanderError(2, "tsugi.topic", `there is no command ${topic}`);
    }
    (command ?? program).outputHelp();
  });

// `tsugi list | head`: who has read enough is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

// Before parsing: a wrong argument is reported in JSON too.
setJson(process.argv.includes("--json"));
await program.parseAsync().catch((error: unknown) => {
  const asked = error instanceof CommanderError && error.exitCode === 0;
  if (!asked) fail(error);
});
