import { errorFromJson } from "../../contract/errors.ts";
import { type HostOutcome, rollback, withHosts } from "../../deploy/index.ts";
import { createView } from "../deployView/create.ts";
import { type FleetOptions, readEnvironment } from "../fleet.ts";
import { onInterrupt } from "../interrupt.ts";

export async function rollbackCommand(
  name: string | undefined,
  options: FleetOptions,
): Promise<void> {
  const { environment, app, open } = await readEnvironment(name, options);
  const view = await createView(environment.hosts.map((host) => host.name));
  const report = view.report.bind(view);
  const { signal, end } = onInterrupt((text) => report({ event: "note", text }));
  try {
    const result = await withHosts(environment, app, { open, report }, (hosts) =>
      rollback(environment, hosts, { report, signal }),
    );
    const failed = result.hosts.find(({ error }) => error !== undefined)?.error;
    const version = versionOf(result.hosts);
    view.end({ ...result, name: app, version, ...(failed ? { error: failed } : {}) });
    if (failed === undefined && signal.aborted) throw signal.reason;
    if (failed !== undefined) process.exitCode = errorFromJson(failed).exitCode;
  } catch (error) {
    view.failed(error);
  } finally {
    end();
  }
}

/** Hosts may go back to different versions. */
function versionOf(hosts: HostOutcome[]): string {
  const versions = new Set(hosts.flatMap(({ report }) => (report ? [report.to] : [])));
  return [...versions].join(", ");
}
