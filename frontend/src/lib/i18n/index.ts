export {
  LANGUAGES,
  LANGUAGE_NAMES,
  has,
  language,
  languageOfTag,
  preferredLanguage,
  setLanguage,
  t,
  type Language,
} from "./language.svelte";
export type { Key, KeyOf } from "./keys";
