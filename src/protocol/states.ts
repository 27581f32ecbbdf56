/** What a supervisor and its workers say of `hot.state`: as it is declared, and as it was carried. */

/** A `hot.state` as the running code declares it. */
export interface DeclaredState {
  name: string;
  version: number;
  /** Versions that one step of `upgrade` starts from, and of `downgrade`. */
  upgradesFrom: number[];
  downgradesFrom: number[];
  /** It has `encode` or `decode`. */
  encoded?: boolean;
}

export interface CarriedState {
  name: string;
  /** Version as sent by the old generation (after its `downgrade`), null: `initial()` was used. */
  from: number | null;
  to: number;
  bytes: number;
  migrateMs: number;
  /** Found by a rehearsal: an `upgrade` step writes to the value that it is given. */
  changesInput?: boolean;
  /** Why a rehearsal left it out. */
  skipped?: string;
}
