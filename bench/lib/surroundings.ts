/** What the numbers were measured with and on; nothing that names the machine. */
import { machine } from "../../scripts/lib/reliability.ts";
import { runCommand } from "../../test/helpers/commands.ts";
import { findProgram } from "../../test/helpers/debian.ts";
import { PM2_VERSION } from "../contestants/pm2.ts";

export interface Surroundings {
  machine: string;
  /** Program → version. */
  versions: Record<string, string>;
}

const PROGRAMS = {
  nginx: ["nginx", "-v"],
  "Erlang/OTP": [
    "erl",
    "-noshell",
    "-eval",
    "io:put_chars(erlang:system_info(otp_release)),halt().",
  ],
  wrk: ["wrk", "-v"],
};

/** @param node of the services, if any was started */
export async function describeSurroundings(node: string | undefined): Promise<Surroundings> {
  const versions: Record<string, string> = {
    ...(node === undefined ? {} : { "Node of the services": node }),
    PM2: PM2_VERSION,
  };
  for (const [name, [program, ...args]] of Object.entries(PROGRAMS)) {
    const path = findProgram(program!);
    if (path === undefined) continue;
    const { output } = await runCommand(path, args);
    versions[name] = /\d+(\.\d+)*/.exec(output)?.[0] ?? "?";
  }
  return { machine: machine().replace(/^[\d-]+, /, ""), versions };
}
