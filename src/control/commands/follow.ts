import { hostname } from "node:os";
import type { HostOptions } from "../../contract/commands/host.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { followRequest } from "../follow/request.ts";
import { note } from "../output.ts";

export default async function followCommand(
  context: Context,
  place: string,
  options: HostOptions<"follow">,
) {
  const flags = options.ephemeral ? ["--ephemeral"] : [];
  const request = followRequest(context.layout, place, options, flags);
  const end = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end.abort());
  if (request !== undefined) return follow(context, request, end.signal);
  note(`${hostname()} is not among the ${options.share} % that follow`);
  // A unit that ends would be started again.
  await new Promise((resolve) => {
    const stay = setInterval(() => {}, 2 ** 30);
    end.signal.addEventListener("abort", () => resolve(clearInterval(stay)));
  });
}
