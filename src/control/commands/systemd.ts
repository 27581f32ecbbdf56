import { userInfo } from "node:os";
import { DEFAULT_SETTINGS } from "../../protocol/settings.ts";
import type { Register } from "../command.ts";
import { note, report } from "../output.ts";
import { runningVersion } from "../runningRelease.ts";
import { unitText } from "../units.ts";

const register: Register = (program, context) => {
  program
    .command("systemd")
    .description("print a unit for this root")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json }: { json?: boolean }) => {
      const { layout } = context;
      const version = await runningVersion(context);
      const { readHostSettings } = await import("../../handler/settings.ts");
      const settings = await readHostSettings(layout, version ?? "")
        .then((host) => host.settings)
        .catch(() => DEFAULT_SETTINGS);
      const { stopMs, readyMs } = settings.timeouts;
      const user = nameOfUser();
      const unit = unitText(layout, { stopMs, readyMs, ...(user === undefined ? {} : { user }) });
      const path = `/etc/systemd/system/${layout.name}.service`;
      report(json, { path, unit }, unit.trimEnd());
      note(
        `# Put it at ${path}, then: systemctl daemon-reload && systemctl enable --now ${layout.name}`,
      );
    });
};
export default register;

/**
 * None for root. None for an owner of the root who is in no passwd file either: systemd does not know
 * them (217/USER), and the launcher steps down to the owner by itself.
 */
function nameOfUser(): string | undefined {
  try {
    const { uid, username } = userInfo();
    return uid === 0 ? undefined : username;
  } catch {
    return undefined;
  }
}
