import type { ToolOptions } from "../../contract/commands/tool.ts";
import { errorFromJson } from "../../contract/errors.ts";
import { ageText, lockByHand, settle, unlock } from "../../deploy/index.ts";
import type { Locked, Unlocked } from "../documents.ts";
import { withFleet } from "../fleet.ts";
import { fail, printResult } from "../output.ts";

export async function lockCommand(
  name: string | undefined,
  options: ToolOptions<"lock">,
): Promise<void> {
  await withFleet(name, options, async (hosts, environment) => {
    const { answers, failures } = await settle(hosts, (host) =>
      lockByHand(host, host.layout, options.reason, environment.name),
    );
    if (failures.length > 0) {
      // All or none.
      await settle(
        answers.map(({ host }) => host),
        (host) => unlock(host, host.layout, environment.name),
      );
      throw errorFromJson(failures[0]!.error);
    }
    const document = { environment: environment.name, reason: options.reason };
    printResult<Locked>(document, [
      `Locked: nobody deploys to ${environment.name} until tsugi unlock ${environment.name}`,
    ]);
  });
}

export async function unlockCommand(
  name: string | undefined,
  options: ToolOptions<"unlock">,
): Promise<void> {
  await withFleet(name, options, async (hosts, environment) => {
    const { answers, failures } = await settle(hosts, (host) =>
      unlock(host, host.layout, environment.name),
    );
    const locks = answers.map(({ host, value: { removed, lock } }) => ({
      host: host.name,
      removed,
      lock: lock ?? null,
    }));
    const lines = locks.map(({ host, removed, lock }) => {
      if (!removed) return `${host}: was not locked`;
      if (lock === null) return `${host}: unlocked; whose lock it was can't be read`;
      return `${host}: unlocked; it was ${lock.by}'s, ${ageText(lock.at, Date.now())}: ${lock.reason}`;
    });
    printResult<Unlocked>({ environment: environment.name, hosts: locks, failures }, lines);
    if (failures.length > 0) fail(errorFromJson(failures[0]!.error), { quiet: true });
  });
}
