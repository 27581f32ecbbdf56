/** All hosts of an environment, opened for one command and closed after it. */

import type { Transport } from "../transport/index.ts";
import type { Environment, HostSpec } from "./environment.ts";
import type { Emit } from "./events.ts";
import { Host } from "./host.ts";

export async function withHosts<T>(
  environment: Environment,
  app: string,
  { open, emit, signal }: { open: (host: HostSpec) => Transport; emit: Emit; signal?: AbortSignal },
  body: (hosts: Host[]) => Promise<T>,
): Promise<T> {
  // Each by its name: whoever calls may hand over more, an `environment` of another type among it.
  const context = { environment: environment.name, emit, signal };
  const hosts = environment.hosts.map((spec) => new Host(spec, app, open(spec), context));
  try {
    return await body(hosts);
  } finally {
    await Promise.all(hosts.map((host) => host.transport.close()));
  }
}
