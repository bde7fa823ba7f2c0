/** Every key that has a text. */
import type diary from "$components/diary/messages/en.json";
import type events from "$components/events/messages/en.json";
import type errors from "$lib/errors/messages/en.json";
import type { PageKey } from "$pages";
import type common from "./messages/en.json";

type Form = "zero" | "one" | "two" | "few" | "many" | "other";

/** The keys of one folder's texts. `key.one` and `key.other` are asked for as `key`. */
export type KeyOf<Texts> = keyof Texts extends infer K
  ? K extends `${infer Stem}.${Form}`
    ? Stem
    : K extends string
      ? K
      : never
  : never;

export type Key = KeyOf<typeof common & typeof diary & typeof errors & typeof events> | PageKey;
