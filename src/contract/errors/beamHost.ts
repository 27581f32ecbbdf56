/** The errors of an Elixir or Erlang host, as its priv/errors.json has them. */
import { BEAM_ERRORS } from "./beam.ts";
import { ERRORS as NODE_HOST_ERRORS } from "./shipped.ts";

export const BEAM_HOST_ERRORS = { ...NODE_HOST_ERRORS, ...BEAM_ERRORS };
