/** `log/deploys.jsonl` on every host: who deployed what when, and what became of it. */
import type { UpgradeReport } from "../protocol/report.ts";

export const DEPLOY_RECORD_FORMAT = 1;

export interface DeployRecord {
  format: typeof DEPLOY_RECORD_FORMAT;
  /** ISO time of the deploy's begin. */
  at: string;
  /** `you@laptop` */
  by: string;
  environment: string;
  action: string;
  from: string | null;
  to: string;
  releaseId?: string;
  /** Of a rollback: the deploy that it undoes. */
  undoes?: { at: string; by: string };
  result: string;
  /** From the deploy's begin to this account. */
  ms: number;
  /** When its turn came, from 1, and how long that took. */
  wave?: number;
  hostMs?: number;
  /** Code and message of what went wrong. */
  error?: { code: string; message: string };
  report?: UpgradeReport;
}
