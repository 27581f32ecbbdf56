/** Where nothing runs: are the ports that are known free, and may this user open them? */
import { createServer } from "node:net";
import type { Finding } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { findSupervisor } from "../running.ts";
import { socketUnitOf } from "../units.ts";
import type { Seen } from "./seen.ts";

export async function checkPorts({ layout, handler }: Context): Promise<Seen> {
  if (await findSupervisor(layout).catch(() => undefined)) {
    return { note: "its own, while it runs", findings: [] };
  }
  const ports = await knownPorts({ layout, handler });
  const findings: Finding[] = [];
  for (const [port, source] of ports) {
    const code = socketUnitOf(port) === undefined ? await refusalOf(port) : undefined;
    if (code !== undefined) findings.push(findingFor(code, port, source));
  }
  const note = ports.size === 0 ? "none is known before it runs" : [...ports.keys()].join(", ");
  return { note, findings };
}

/** Port → where it is said. */
async function knownPorts({
  layout,
  handler,
}: Pick<Context, "layout" | "handler">): Promise<Map<number, string>> {
  const permanent = await (await handler()).permanent();
  const { readHostSettings } = await import("../../handler/settings.ts");
  // What is wrong in etc/ is said by the check of the permissions.
  const found = await readHostSettings(layout, permanent?.version ?? "").catch(() => undefined);
  const said: [port: number | undefined, source: string][] = [
    [found?.settings.health.port, "health.port"],
    [Number(found?.env.PORT), "PORT in etc/env"],
  ];
  return new Map(said.flatMap(([port, source]) => (isPort(port) ? [[port, source] as const] : [])));
}

const isPort = (port: number | undefined): port is number =>
  Number.isInteger(port) && port! > 0 && port! < 65_536;

/** By opening it for a moment. */
function refusalOf(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code));
    server.listen(port, () => server.close(() => resolve(undefined)));
  });
}

function findingFor(code: string, port: number, source: string): Finding {
  if (code === "EACCES") {
    return {
      problem: `Port ${port} (${source}) may not be opened by this user.`,
      remedy: `Let a unit have it (AmbientCapabilities=CAP_NET_BIND_SERVICE), or take one above 1023`,
    };
  }
  const problem =
    code === "EADDRINUSE"
      ? `Port ${port} (${source}) is taken.`
      : `Port ${port} (${source}) can't be opened: ${code}.`;
  return { problem, remedy: `ss -ltnp sport = :${port}` };
}
