/** `environments` of `tsugi.config.*`: the hosts of each, how a deploy goes through them, what it runs. */
import { z } from "zod";

const secretSource = z.union([
  z.strictObject({ env: z.string().describe("Name of a variable of the deploying machine.") }),
  z.strictObject({ file: z.string().describe("Path of a file that holds the value.") }),
  z.strictObject({ command: z.array(z.string()).min(1).describe("Prints the value.") }),
]);

export type SecretSource = z.input<typeof secretSource>;

const variables = z.record(z.string(), z.string());

const hostSchema = z.union([
  z.string(),
  z.strictObject({
    host: z.string().describe("Host name as ssh takes it."),
    root: z.string().describe("Install root on this host.").optional(),
    user: z.string().describe("Remote user.").optional(),
    port: z.int().min(1).max(65535).describe("Port of ssh.").optional(),
    env: variables.describe("Variables of this host only.").optional(),
    local: z.boolean().describe("true: this very machine, without ssh.").optional(),
  }),
]);

/** What a hook is told. `host` and `from` are there in `afterHost` only. */
export interface DeployMoment {
  environment: string;
  name: string;
  version: string;
  hosts: string[];
  host?: string;
  from?: string | null;
}
export type DeployHook = string[] | ((deploy: DeployMoment) => unknown);
export interface DeployHooks {
  beforeDeploy?: DeployHook | undefined;
  afterHost?: DeployHook | undefined;
  afterDeploy?: DeployHook | undefined;
}

const hook = z.union([
  z.array(z.string()).min(1),
  z.custom<(deploy: DeployMoment) => unknown>(
    (value) => typeof value === "function",
    "expected a command or a function",
  ),
]);

export const environmentSchema = z.strictObject({
  hosts: z.array(hostSchema).min(1).describe("The hosts, in the order of a rollout."),
  root: z.string().describe("Install root on every host. Default /srv/<name>.").optional(),
  ssh: z
    .strictObject({ config: z.string().describe("An ssh configuration file.").optional() })
    .describe("How hosts are reached.")
    .optional(),
  env: variables
    .describe("Variables of etc/env on the hosts. With env or secrets, deploy replaces that file.")
    .optional(),
  secrets: z
    .record(z.string(), secretSource)
    .describe("Variables whose values never stand in a file of the project.")
    .optional(),
  rollout: z
    .strictObject({
      canary: z.int().min(0).describe("Hosts that go first, alone. Default 1.").optional(),
      batch: z
        .union([z.int().min(1), z.string().regex(/^\d+%$/)])
        .describe("Hosts at a time after them, as a number or as 25%. Default: all.")
        .optional(),
      onFailure: z
        .enum(["stop", "rollback"])
        .describe(
          "When a host fails: stop where we are (default), or also roll back the hosts that are done.",
        )
        .optional(),
    })
    .describe("How a deploy goes through the hosts.")
    .optional(),
  systemd: z.boolean().describe("Install a systemd unit.").optional(),
  hooks: z
    .strictObject({
      beforeDeploy: hook
        .describe("Before the first host is changed; when it fails, nothing is.")
        .optional(),
      afterHost: hook.describe("After each host that was changed.").optional(),
      afterDeploy: hook.describe("After the last host, all well.").optional(),
    })
    .describe("Commands or functions around a deploy.")
    .optional(),
});
