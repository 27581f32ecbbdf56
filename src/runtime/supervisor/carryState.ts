/** State from one worker to another through a pipe: sender and receiver talk, we only wait. */
import type { CarriedState, DeclaredState } from "../../protocol/states.ts";
import { createStatePipe, type StatePipe } from "./statePipe.ts";
import type { WorkerHandle } from "./workerHandle.ts";

/**
 * Moves all states of `from` into `to`. The sender applies its `downgrade` steps for what the
 * receiver wants lower, the receiver its `upgrade` steps.
 * @throws TSUGI_STATE_PATH_MISSING, TSUGI_STATE_FAILED, TSUGI_WORKER_DIED, TSUGI_WORKER_SILENT
 */
export async function carryState(
  from: WorkerHandle,
  to: WorkerHandle,
  options: {
    timeoutMs: number;
    wanted?: DeclaredState[];
    sliced?: boolean;
    pure?: boolean;
    /** Not rehearsed: what is made of it on the way is looked through. */
    check?: boolean;
    /** One that lies there already; it is closed here. */
    pipe?: StatePipe | undefined;
  },
): Promise<CarriedState[]> {
  const wanted = options.wanted ?? to.declared?.states ?? [];
  const { timeoutMs, sliced = false, pure = false, check = false } = options;
  const pipe = options.pipe ?? (await createStatePipe());
  try {
    const receive = { type: "receiveState", check } as const;
    const received = to.request(receive, { timeoutMs, handle: pipe.receiver });
    const sent = from.request(
      { type: "sendState", wanted, sliced, pure, check },
      { timeoutMs, handle: pipe.sender },
    );
    // Which side failed first is the one that says why; the other only sees the pipe end.
    const [{ states }, { skipped = [] }] = await Promise.all([received, sent]);
    return states.map((state) => {
      const why = skipped.find(({ name }) => name === state.name)?.why;
      return { ...asLeft(state, from.declared?.states ?? []), ...(why && { skipped: why }) };
    });
  } finally {
    pipe.close();
  }
}

/** The receiver knows the version that came; where the sender took it down first, it left another. */
function asLeft(state: CarriedState, senders: DeclaredState[]): CarriedState {
  if (state.from === null) return state;
  const sender = senders.find(({ name }) => name === state.name);
  return { ...state, from: sender?.version ?? state.from };
}
