import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { print } from "../output.ts";

const TIMEOUT_MS = 10_000;

/** By the supervisor, as it would serve them: the same counters. */
export default async function metricsCommand({ layout }: Context): Promise<void> {
  const text = await ask(layout, { verb: "metrics" }, { timeoutMs: TIMEOUT_MS });
  print(String(text).trimEnd());
}
