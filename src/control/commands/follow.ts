import { hostname } from "node:os";
import { TsugiError } from "../../contract/errors.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { isAmong } from "../follow/share.ts";
import { note } from "../output.ts";

interface Options {
  every: number;
  share: number;
  annotation?: string;
  ephemeral?: boolean;
}

export default async function followCommand(context: Context, place: string, options: Options) {
  const { every, share, annotation, ephemeral = false } = options;
  if (share > 100) {
    const help = `How it is called: ${context.layout.bin} help follow`;
    throw new TsugiError("TSUGI_USAGE", { problem: `--share ${share} is more than all`, help });
  }
  const end = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end.abort());
  if (!isAmong(share, hostname())) {
    note(`${hostname()} is not among the ${share} % that follow`);
    // A unit that ends would be started again.
    await new Promise((resolve) => {
      const stay = setInterval(() => {}, 2 ** 30);
      end.signal.addEventListener("abort", () => resolve(clearInterval(stay)));
    });
    return;
  }
  const request = {
    place,
    annotation,
    everyMs: every * 1000,
    flags: ephemeral ? ["--ephemeral"] : [],
  };
  await follow(context, request, end.signal);
}
