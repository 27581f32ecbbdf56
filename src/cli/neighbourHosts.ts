/** The applications that live beside others, each as a host of its own: for what is asked of all of them. */
import { resolve } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { appsBelow } from "../control/neighbours.ts";
import { Host, type HostSpec, openTransport, type Transport } from "../deploy/index.ts";
import type { AppRow, Neighbours } from "../protocol/documents.ts";
import { printError } from "./output.ts";

/** As the host's own `bin/<app> ps` finds them. */
export async function neighboursOf(host: Host): Promise<Host[]> {
  const { apps } = (await host.app<Neighbours>(["ps"])) ?? { apps: [] };
  return hostsFor(apps, host.transport, ({ label, root }) => ({
    ...host.spec,
    ...{ name: `${host.name} ${label}`, root },
  }));
}

/** What is given in place of an environment: none is called like that. */
export const isFolder = (name: string | undefined): name is string =>
  name !== undefined && (name === "." || name.includes("/"));

/** The one at an install root of this machine. @throws TSUGI_USAGE */
export async function applicationIn(root: string): Promise<Host> {
  const [host, ...more] = await applicationsBelow(root);
  if (host !== undefined && more.length === 0) return host;
  const problem = host === undefined ? "no application is installed" : "there are several";
  const help = `Where they are: tsugi ps ${root}`;
  throw new TsugiError("TSUGI_USAGE", { problem: `${problem} in ${root}`, help });
}

/** Of this machine. */
export async function applicationsBelow(folder: string): Promise<Host[]> {
  const transport = openTransport({ host: "this machine", local: true });
  const apps = await appsBelow([resolve(folder)]);
  return hostsFor(apps, transport, ({ label, root }) => ({
    ...{ name: label, root, local: true, env: {} },
  }));
}

function hostsFor(
  apps: AppRow[],
  transport: Transport,
  specOf: (place: { label: string; root: string }) => HostSpec,
): Host[] {
  for (const { root, problem } of apps) if (problem) printError(`${root}: ${problem}`);
  const usable = apps.filter(({ problem }) => problem === undefined);
  return usable.map(({ name, root }) => {
    const isAlone = usable.filter((app) => app.name === name).length === 1;
    const spec = specOf({ label: isAlone ? name : root, root });
    return new Host(spec, name, transport, { environment: "", emit: () => {} });
  });
}
