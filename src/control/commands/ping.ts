import type { Pong } from "../../protocol/documents.ts";
import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { printResult } from "../output.ts";

const TIMEOUT_MS = 5_000;

export default function pingCommand(context: Context, { json }: { json?: boolean }) {
  return ping(context, json);
}

export async function ping(context: Context, json: boolean | undefined): Promise<void> {
  await ask(context.layout, { verb: "ping" }, { timeoutMs: TIMEOUT_MS });
  printResult<Pong>(json, { answer: "pong" }, "pong");
}
