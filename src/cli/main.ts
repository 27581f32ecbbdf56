/** `tsugi`, on the build machine. Each command is a file of its own, loaded when it is asked for. */
import { Command, CommanderError } from "commander";
import { ownPackage } from "../build/ownPackage.ts";
import { fail, setJson } from "./output.ts";

const program = new Command("tsugi")
  .description("Build, run and upgrade releases of Node.js services while they run.")
  .version(ownPackage().version, "-V, --version", "print tsugi's version")
  .enablePositionalOptions()
  .exitOverride()
  .configureOutput({ outputError: () => {} });

program
  .command("release")
  .description("build a release: tree and tarball in rel/<app>")
  .argument("[folder]", "the project", ".")
  .option("--version <version>", 'a semantic version, "package" or "git"')
  .option("--node <version>", "the Node that the release carries")
  .option("--config <file>", "another configuration file")
  .option("--out <folder>", "where rel/<app> goes (default: <project>/rel)")
  .option("--json", "one JSON document on stdout, progress on stderr")
  .action(async (folder, options) => {
    const { releaseCommand } = await import("./commands/release.ts");
    await releaseCommand(folder, options);
  });

setJson(process.argv.includes("--json"));
await program.parseAsync().catch((error: unknown) => {
  const asked = error instanceof CommanderError && error.exitCode === 0;
  if (!asked) fail(error);
});
