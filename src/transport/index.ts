export { LocalTransport } from "./local.ts";
export { PrinterTransport } from "./printer.ts";
export { SshTransport } from "./ssh.ts";
export type { RunOptions, RunResult, Transport } from "./transport.ts";
export { openTransport } from "./transports.ts";
