/** Debian's `ansible-playbook` with the role, as it lies in this repository. */
import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import { type CommandResult, runCommand } from "./commands.ts";
import { findProgram, whyWithout } from "./debian.ts";
import { projectRoot } from "./example.ts";

/** With the ansible.cfg that users are told to take. */
export const ansibleExamples = join(projectRoot, "ansible", "examples");

export interface Played extends CommandResult {
  /** Those that were reached. */
  hosts: Record<string, { changed: number; failed: number }>;
}

export const whyNoAnsible = () => whyWithout("ansible-playbook", "git");

/** `folder`: where Ansible keeps what is its own; npm and tsugi keep their caches. */
export async function playbook(file: string, args: string[], folder: string): Promise<Played> {
  const env = {
    ...process.env,
    ANSIBLE_HOME: join(folder, "ansible"),
    ANSIBLE_NOCOLOR: "1",
    ANSIBLE_NOCOWS: "1",
    ANSIBLE_FORCE_COLOR: "0",
    ANSIBLE_LOCALHOST_WARNING: "0",
    LC_ALL: "C.UTF-8",
    HOME: homedir(),
    NODE_OPTIONS: "",
  };
  const options = { cwd: ansibleExamples, env, timeoutMs: 300_000 };
  const result = await runCommand(findProgram("ansible-playbook")!, [file, ...args], options);
  assert.ok(!result.output.includes("truth"), "a secret was printed");
  return { ...result, hosts: recap(result.output) };
}

/** `app1 : ok=9 changed=0 unreachable=0 failed=0 …` */
function recap(output: string): Played["hosts"] {
  const lines = output.slice(output.lastIndexOf("PLAY RECAP")).matchAll(/^(\S+)\s*: (ok=.*)$/gm);
  return Object.fromEntries(
    [...lines].map(([, host, line]) => {
      const number = (what: string) => Number(new RegExp(`${what}=(\\d+)`).exec(line!)![1]);
      return [
        host,
        { changed: number("changed"), failed: number("failed") + number("unreachable") },
      ];
    }),
  );
}
