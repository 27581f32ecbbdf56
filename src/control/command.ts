import type { Command } from "commander";
import type { Context } from "./context.ts";

/** A command file says how it is called and what it does. */
export type Register = (program: Command, context: Context) => void;
