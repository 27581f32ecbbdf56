/** What the numbers were measured on; nothing that names the machine. */
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { runCommand } from "../../test/helpers/commands.ts";
import { findProgram } from "../../test/helpers/debian.ts";
import { PM2_VERSION } from "../contestants/pm2.ts";

export interface Machine {
  processor: string;
  system: string;
  /** Program → version. */
  versions: Record<string, string>;
}

export async function describeMachine(releaseNode: string | undefined): Promise<Machine> {
  const [system] = /(?<=^PRETTY_NAME=").*(?=")/m.exec(osRelease()) ?? [process.platform];
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  const versions: Record<string, string> = {
    "Node of the bench": process.versions.node,
    ...(releaseNode ? { "Node of the services": releaseNode } : {}),
    PM2: PM2_VERSION,
  };
  const asked = {
    nginx: ["nginx", "-v"],
    "Erlang/OTP": [
      "erl",
      "-noshell",
      "-eval",
      "io:put_chars(erlang:system_info(otp_release)),halt().",
    ],
    wrk: ["wrk", "-v"],
  };
  for (const [name, [program, ...args]] of Object.entries(asked)) {
    const path = findProgram(program!);
    if (path === undefined) continue;
    const { output } = await runCommand(path, args);
    versions[name] = /\d+(\.\d+)*/.exec(output)?.[0] ?? "?";
  }
  return {
    processor: `${cpus().length} × ${cpus()[0]?.model.trim() ?? "CPU"}, ${memoryGb} GB`,
    system: `${system}, Linux ${/^\d+\.\d+/.exec(release())?.[0]}`,
    versions,
  };
}

function osRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}
