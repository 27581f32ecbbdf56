/**
 * How long a test waits for what has to come: never felt where it does, so it is for a machine many
 * times slower than those that the tests were written on.
 */
export const PATIENCE_MS = 60_000;
