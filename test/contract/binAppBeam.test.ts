/** `bin/<app>` of Elixir and Erlang releases: contract.ts has what it has to keep. */
import { binAppContract } from "./binApp/contract.ts";
import { beamKind } from "./binApp/kinds.ts";

binAppContract(await beamKind());
