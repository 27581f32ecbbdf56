import { TsugiError } from "../../contract/errors.ts";
import type { Evaluated } from "../../protocol/documents.ts";
import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { report } from "../output.ts";

interface Options {
  process?: string;
  slot?: number;
  json?: boolean;
}

export default async function rpcCommand(
  context: Context,
  expression: string,
  { json, ...where }: Options,
) {
  const request = { verb: "rpc", expression, ...where } as const;
  const { text, threw } = (await ask(context.layout, request)) as {
    text: string;
    threw: boolean;
  };
  if (threw) throw new TsugiError("TSUGI_RPC_THREW", { problem: text, bin: context.layout.bin });
  report<Evaluated>(json, { value: text }, text);
}
