/** What the workers of each process say of themselves: a plan goes by it, not by what the build found. */
import type { ProcessFacts } from "../../protocol/report.ts";
import type { Generation } from "./generation.ts";

export function factsOf(generation: Generation): Record<string, ProcessFacts> {
  const names = new Set(generation.slots.map(({ process }) => process.name));
  return Object.fromEntries([...names].flatMap((name) => factsEntry(generation, name)));
}

function factsEntry({ slots, settings }: Generation, name: string): [string, ProcessFacts][] {
  const workers = slots.filter(({ process }) => process.name === name);
  const declared = workers.flatMap(({ worker }) => worker.declared ?? []);
  if (declared.length === 0) return [];
  const versions = declared.flatMap(({ states }) => states.map((one) => [one.name, one.version]));
  const states = [...new Map(versions as [string, number][])];
  return [
    [
      name,
      {
        states: states.map(([state, version]) => ({ name: state, version })),
        usesHot: declared.some(({ usesHot }) => usesHot),
        carries: declared.some(({ carries }) => carries === true),
        unregistered: workers.reduce(
          (sum, { worker }) => sum + (worker.health.unregistered ?? 0),
          0,
        ),
        unshared: workers.reduce((sum, { worker }) => sum + (worker.health.unshared ?? 0), 0),
        webSocketDrainMs: settings.timeouts.webSocketDrainMs,
        freezes: declared.some(({ freezes }) => freezes === true),
      },
    ],
  ];
}
