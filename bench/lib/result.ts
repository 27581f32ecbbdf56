/** A number of tsugi's beside the one that it is to be compared with, both of this run. */
export interface Result {
  what: string;
  tsugi: string;
  against: string;
  /** What the two make together: a ratio, a difference. */
  outcome: string;
  aim?: string;
  reached?: boolean;
}
