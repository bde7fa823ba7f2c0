/**
 * The language of the pages. Texts are in folders `messages`, one flat object for each language. Those of one language
 * are one file of the build, loaded when the language is chosen.
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

/** Return the language of the page. */
export function language(): Language {
  return current;
}

/** Show everything in `wanted`, and remember it on this device. */
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
    // Without storage, the browser's own preference counts next time.
  }
}

/** Return the language kept on this device, else the browser's first that the pages have. */
export function preferredLanguage(): Language {
  const kept = readKept();
  if (kept) return kept;
  for (const tag of navigator.languages) {
    const found = languageOfTag(tag);
    if (found) return found;
  }
  return "en";
}

/** Return the language of the pages for a BCP 47 tag. Chinese without a script goes by its region. */
export function languageOfTag(tag: string): Language | undefined {
  const locale = new Intl.Locale(tag).maximize();
  if (locale.language === "en") return "en";
  if (locale.language === "zh" || locale.language === "yue")
    return locale.script === "Hans" ? "zh-Hans" : "zh-Hant";
  return undefined;
}

/**
 * Return the text of `key` with its `{names}` filled in. A key with forms for numbers (`key.one`, `key.other`) takes the
 * one for `params.count`. A value of the API that is newer than the texts is shown as words, never as a key.
 */
export function t(key: Key, params: Params = {}): string {
  const count = params["count"];
  const form = typeof count === "number" ? messages[`${key}.${plurals.select(count)}`] : undefined;
  const text = form ?? messages[`${key}.other`] ?? messages[key];
  if (text === undefined) return key.slice(key.lastIndexOf(".") + 1).replaceAll("_", " ");
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}

/** True if `key`, made from a value of the API, has a text. */
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
