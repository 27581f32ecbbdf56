import { userInfo } from "node:os";
import { DEFAULT_SETTINGS } from "../../../protocol/settings.ts";
import { note, report } from "../output.ts";
import type { Register } from "../program.ts";
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
      const unit = unitText(layout, { stopMs, readyMs, ...(user === "root" ? {} : { user }) });
      const path = `/etc/systemd/system/${layout.name}.service`;
      report(json, { path, unit }, unit.trimEnd());
      note(
        `# Put it at ${path}, then: systemctl daemon-reload && systemctl enable --now ${layout.name}`,
      );
    });
};
export default register;

/** An owner of the root that is in no passwd file has a number only, which systemd takes too. */
function nameOfUser(): string {
  const uid = process.getuid?.();
  if (uid === 0) return "root";
  try {
    return userInfo().username;
  } catch {
    return String(uid);
  }
}
