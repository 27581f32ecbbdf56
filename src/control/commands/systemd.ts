import { statSync } from "node:fs";
import { userInfo } from "node:os";
import { orUndefined } from "../../contract/checks.ts";
import type { SystemdUnit } from "../../protocol/documents.ts";
import { type UnitOwner, unitSeconds, unitText } from "../../release/systemdUnit.ts";
import type { Context } from "../context.ts";
import { note, printResult } from "../output.ts";
import { runningVersion } from "../runningRelease.ts";

export default async function systemdCommand(context: Context, { json }: { json?: boolean }) {
  const { layout } = context;
  const version = await runningVersion(context);
  const { settingsOrDefault } = await import("../../handler/settings.ts");
  const { stopMs, readyMs } = (await settingsOrDefault(layout, version ?? "")).timeouts;
  const unit = unitText(layout, {
    owner: ownerOf(layout.root),
    stopSeconds: unitSeconds(stopMs),
    startSeconds: unitSeconds(readyMs),
  });
  const path = `/etc/systemd/system/${layout.name}.service`;
  printResult<SystemdUnit>(json, { path, unit }, unit.trimEnd());
  note(
    `# Put it at ${path}, then: systemctl daemon-reload && systemctl enable --now ${layout.name}`,
  );
}

/** bin/<app> has stepped down: it is the owner, or nobody is to be. */
function ownerOf(root: string): UnitOwner {
  const { uid, gid } = statSync(root);
  if (uid !== process.getuid?.()) return { uid, gid, name: undefined };
  return { uid, gid, name: orUndefined(() => userInfo().username) };
}
