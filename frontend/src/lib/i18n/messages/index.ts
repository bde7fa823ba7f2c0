/** Every key that there is a text for. A new area is added here; the test of messages says so when it is not. */
import type access from "./access/en.json";
import type budgets from "./budgets/en.json";
import type calls from "./calls/en.json";
import type common from "./common/en.json";
import type health from "./health/en.json";
import type providers from "./providers/en.json";
import type session from "./session/en.json";
import type usage from "./usage/en.json";

type Whole =
  | keyof typeof access
  | keyof typeof budgets
  | keyof typeof calls
  | keyof typeof common
  | keyof typeof health
  | keyof typeof providers
  | keyof typeof session
  | keyof typeof usage;

type Form = "zero" | "one" | "two" | "few" | "many" | "other";
/** `key.one` and `key.other` are asked for as `key`. */
export type Key = Whole extends infer K ? (K extends `${infer Stem}.${Form}` ? Stem : K) : never;
