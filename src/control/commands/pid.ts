import type { Pid } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { printResult } from "../output.ts";
import { requireSupervisor } from "../running.ts";

export default async function pidCommand(context: Context, { json }: { json?: boolean }) {
  const { pid } = await requireSupervisor(context.layout);
  printResult<Pid>(json, { pid }, String(pid));
}
