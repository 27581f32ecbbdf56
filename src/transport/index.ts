export { LocalTransport } from "./local.ts";
export { PrinterTransport } from "./printer.ts";
export { quoteCommand } from "./quote.ts";
export { type SshTarget, SshTransport } from "./ssh.ts";
export type { RunOptions, RunResult, Transport } from "./transport.ts";
export { openTransport, type Target } from "./transports.ts";
