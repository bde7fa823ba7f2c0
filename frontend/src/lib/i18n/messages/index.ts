/** Every key that there is a text for. A new area is added here; the test of messages says so when it is not. */
import type access from "./access/en.json";
import type budgets from "./budgets/en.json";
import type calls from "./calls/en.json";
import type common from "./common/en.json";
import type dashboard from "./dashboard/en.json";
import type diary from "./diary/en.json";
import type errors from "./errors/en.json";
import type events from "./events/en.json";
import type health from "./health/en.json";
import type home from "./home/en.json";
import type jobs from "./jobs/en.json";
import type providers from "./providers/en.json";
import type recordings from "./recordings/en.json";
import type session from "./session/en.json";
import type settings from "./settings/en.json";
import type start from "./start/en.json";
import type usage from "./usage/en.json";

type Whole =
  | keyof typeof access
  | keyof typeof budgets
  | keyof typeof calls
  | keyof typeof common
  | keyof typeof dashboard
  | keyof typeof diary
  | keyof typeof errors
  | keyof typeof events
  | keyof typeof health
  | keyof typeof home
  | keyof typeof jobs
  | keyof typeof providers
  | keyof typeof recordings
  | keyof typeof session
  | keyof typeof settings
  | keyof typeof start
  | keyof typeof usage;

type Form = "zero" | "one" | "two" | "few" | "many" | "other";
/** `key.one` and `key.other` are asked for as `key`. */
export type Key = Whole extends infer K ? (K extends `${infer Stem}.${Form}` ? Stem : K) : never;
