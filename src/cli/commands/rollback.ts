import { defined } from "../../contract/checks.ts";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import { type RollbackResult, rollback, type UndoPlan, withHosts } from "../../deploy/index.ts";
import { createView } from "../deployView/create.ts";
import type { DeployView } from "../deployView/view.ts";
import { readEnvironment } from "../fleet.ts";
import { onInterrupt } from "../interrupt.ts";
import { traced } from "../traces/tracedView.ts";

export async function rollbackCommand(
  name: string | undefined,
  options: ToolOptions<"rollback">,
): Promise<void> {
  const { environment, app, open } = await readEnvironment(name, options);
  const view = traced(await createView(environment.hosts.map((host) => host.name)), "rollback");
  const emit = view.show.bind(view);
  const { signal, end } = onInterrupt((text) => emit({ event: "note", text }));
  const confirm = (plan: UndoPlan) => confirmed(view, plan, options);
  const asked = { environment, confirm, dryRun: options.dryRun === true, emit, signal };
  try {
    const result = await withHosts(environment, app, { open, emit, signal }, (hosts) =>
      rollback({ ...asked, ...defined({ to: options.to }) }, hosts),
    );
    if (result === undefined) view.end(nothingDone(environment.name, app, options));
    else view.end({ ...result, name: app, version: versionsOf(result), said: said(result) });
  } catch (error) {
    view.failed(error);
  } finally {
    end();
  }
}

function nothingDone(environment: string, name: string, options: ToolOptions<"rollback">) {
  const dry = options.dryRun ? { dryRun: true as const } : {};
  return { environment, name, version: "", hosts: [], ms: 0, said: "No host was changed.", ...dry };
}

async function confirmed(
  view: DeployView,
  { hosts }: UndoPlan,
  { yes, dryRun }: ToolOptions<"rollback">,
): Promise<boolean> {
  if (dryRun) return false;
  const count = hosts.filter(({ to }) => to !== null).length;
  if (yes || count === 0) return true;
  return view.ask(`Roll back ${count === 1 ? "this host" : `these ${count} hosts`}?`);
}

/** Hosts may go back to different versions. */
const versionsOf = ({ plan }: RollbackResult): string =>
  [...new Set(plan.hosts.flatMap(({ to }) => to ?? []))].join(", ");

function said({ plan, hosts }: RollbackResult): string {
  const left = plan.hosts.length - hosts.length;
  const others =
    left === 0
      ? ""
      : `; ${left} ${left === 1 ? "was" : "were"} left as ${left === 1 ? "it was" : "they were"}`;
  if (hosts.length === 0) return `Nothing to do${others}`;
  const verb = hosts.length === 1 ? "host runs" : "hosts run";
  return `${hosts.length} ${verb} ${versionsOf({ plan } as RollbackResult)} again${others}`;
}
