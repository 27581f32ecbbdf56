import { defined } from "../../contract/checks.ts";
import type { HostOptions } from "../../contract/commands/host.ts";
import { TsugiError } from "../../contract/errors.ts";
import type { Evaluated } from "../../protocol/documents.ts";
import type { WorkerReplies } from "../../protocol/worker.ts";
import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { bytesText, note, printResult } from "../output.ts";

export default async function rpcCommand(
  context: Context,
  expression: string,
  { json, ...where }: HostOptions<"rpc">,
) {
  const request = { verb: "rpc", expression, ...where } as const;
  const answer = (await ask(context.layout, request)) as WorkerReplies["evaluate"];
  const { text, threw, totalBytes } = answer;
  if (threw) throw new TsugiError("TSUGI_RPC_THREW", { problem: text, bin: context.layout.bin });
  printResult<Evaluated>(json, { value: text, ...defined({ totalBytes }) }, text);
  if (totalBytes === undefined) return;
  note(`Cut at ${bytesText(Buffer.byteLength(text))} of ${bytesText(totalBytes)}: --max-bytes`);
}
