import type { Register } from "../command.ts";
import { report } from "../output.ts";
import { unpackDelta, unpackNamed } from "../unpacking.ts";

interface Options {
  force?: boolean;
  delta?: boolean;
  json?: boolean;
}

const register: Register = (program, context) => {
  program
    .command("unpack")
    .argument("<version|file>", "a version in the drop box, a tarball, or the folder of a build")
    .description("verify a release and put it on this host; nothing that runs is touched")
    .option("--delta", "what is named is a delta for this host; - reads it from stdin")
    .option("--force", "replace a release of the same version that is merely unpacked")
    .option("--json", "one JSON document on stdout")
    .action(async (named: string, { force, delta, json }: Options) => {
      const unpack = delta ? unpackDelta : unpackNamed;
      const unpacked = await unpack(context, named, force);
      const { version, already } = unpacked;
      report(json, unpacked, already ? `${version} was here already` : `${version} is unpacked`);
    });
};
export default register;
