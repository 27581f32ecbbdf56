import type { HostOptions } from "../../contract/commands/host.ts";
import type { Unpacked } from "../../handler/index.ts";
import type { Context } from "../context.ts";
import { printResult } from "../output.ts";
import { unpackDelta, unpackNamed } from "../unpacking.ts";

export default async function unpackCommand(
  context: Context,
  named: string,
  { force, delta, json }: HostOptions<"unpack">,
) {
  const unpack = delta ? unpackDelta : unpackNamed;
  const unpacked = await unpack(context, named, force);
  const { version, already } = unpacked;
  printResult<Unpacked>(
    json,
    unpacked,
    already ? `${version} was here already` : `${version} is unpacked`,
  );
}
