import type { Unpacked } from "../../handler/index.ts";
import type { Context } from "../context.ts";
import { printResult } from "../output.ts";
import { unpackDelta, unpackNamed } from "../unpacking.ts";

interface Options {
  force?: boolean;
  delta?: boolean;
  json?: boolean;
}

export default async function unpackCommand(
  context: Context,
  named: string,
  { force, delta, json }: Options,
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
