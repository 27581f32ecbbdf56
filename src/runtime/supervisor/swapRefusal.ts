/** What the running processes say against a swap; the manifests have their own say in relup. */
import { slotName } from "./generation.ts";
import type { Supervisor } from "./supervisor.ts";

/** So many generations that have left something running are followed by a new process. */
const LEAKS_BORNE = 3;
/** Or so many whose memory outlives collections: something holds it. */
const RETAINED_BORNE = 3;

/** Undefined where nothing does. What the workers have last said: whoever needs it anew asks them first. */
export function whyNoSwap(supervisor: Supervisor): string | undefined {
  for (const one of supervisor.current.slots) {
    const { worker } = one;
    const slot = slotName(one);
    if (worker.exit !== null) return `${slot} does not run at this moment`;
    // Its death would be the new generation's, too.
    if (supervisor.slots.crashOf(one)?.keepsCrashing) return `${slot} keeps crashing`;
    if (worker.declared?.accepts !== true) return `${slot} has not called hot.accept()`;
    if (!worker.declared.drainable) return `${slot} has workers of its own`;
    const { leaking = 0, running = [], retained = 0 } = worker.health;
    if (leaking >= LEAKS_BORNE)
      return `${leaking} earlier versions still run in ${slot}: ${running[0]} …`;
    if (retained >= RETAINED_BORNE)
      return `${slot} still holds the memory of ${retained} earlier versions`;
  }
  return undefined;
}
