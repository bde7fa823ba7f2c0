/**
 * The language of the pages. Texts live in `messages/<area>/<language>.json`, one flat object each; those of one
 * language are one file of the build, loaded when it is chosen.
 */
import type { Key } from "./keys";

export const LANGUAGES = ["en", "zh-Hant", "zh-Hans"] as const;
export type Language = (typeof LANGUAGES)[number];
export const LANGUAGE_NAMES: Record<Language, string> = {
  en: "English",
  "zh-Hant": "繁體中文",
  "zh-Hans": "简体中文",
};

type Messages = Record<string, string>;
export type Params = Record<string, string | number>;

const LOADERS: Record<Language, () => Promise<{ default: Messages }>> = {
  en: () => import("virtual:messages/en"),
  "zh-Hant": () => import("virtual:messages/zh-Hant"),
  "zh-Hans": () => import("virtual:messages/zh-Hans"),
};
const KEPT = "daybook.language";

let current = $state<Language>("en");
let messages = $state.raw<Messages>({});
let plurals = new Intl.PluralRules("en");
let numbers = new Intl.NumberFormat("en");

/** The language in which the page is shown. */
export function language(): Language {
  return current;
}

/** Shows everything in `wanted`, and remembers it on this device. */
export async function setLanguage(wanted: Language): Promise<void> {
  const loaded = await LOADERS[wanted]();
  messages = loaded.default;
  plurals = new Intl.PluralRules(wanted);
  numbers = new Intl.NumberFormat(wanted);
  current = wanted;
  document.documentElement.lang = wanted;
  try {
    localStorage.setItem(KEPT, wanted);
  } catch {
    // A browser that keeps nothing asks its own preference next time.
  }
}

/** The language kept on this device, else the browser's first that we have. */
export function preferredLanguage(): Language {
  const kept = readKept();
  if (kept) return kept;
  for (const tag of navigator.languages) {
    const found = languageOfTag(tag);
    if (found) return found;
  }
  return "en";
}

/** The language of ours that a BCP 47 tag asks for. Chinese without a script goes by its region. */
export function languageOfTag(tag: string): Language | undefined {
  const locale = new Intl.Locale(tag).maximize();
  if (locale.language === "en") return "en";
  if (locale.language === "zh" || locale.language === "yue")
    return locale.script === "Hans" ? "zh-Hans" : "zh-Hant";
  return undefined;
}

/**
 * The text of `key`, its `{names}` filled in. A key with forms for numbers (`key.one`, `key.other`) takes the one for
 * `params.count`.
 */
export function t(key: Key, params: Params = {}): string {
  const count = params["count"];
  const form = typeof count === "number" ? messages[`${key}.${plurals.select(count)}`] : undefined;
  const text = form ?? messages[`${key}.other`] ?? messages[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}

/** Whether there is a text of that key: for keys that are made of what the server says. */
export function has(key: string): key is Key {
  return key in messages;
}

function readKept(): Language | undefined {
  try {
    const kept = localStorage.getItem(KEPT);
    return LANGUAGES.find((one) => one === kept);
  } catch {
    return undefined;
  }
}
