import type { HostOptions } from "../../contract/commands/host.ts";
import type { Pong } from "../../protocol/documents.ts";
import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { printResult } from "../output.ts";

const TIMEOUT_MS = 5_000;

export default async function ping(context: Context, { json }: HostOptions<"ping">): Promise<void> {
  await ask(context.layout, { verb: "ping" }, { timeoutMs: TIMEOUT_MS });
  printResult<Pong>(json, { answer: "pong" }, "pong");
}
