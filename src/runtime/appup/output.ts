/** Preloaded into the `node` of an appup's command: all that it prints arrives. */
import { keepOutput } from "../../platform/standardOutput.ts";

keepOutput();
