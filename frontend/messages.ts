import { readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type { Plugin } from "vite";

export type Texts = Record<string, string>;

export const LANGUAGES = ["en", "zh-Hant", "zh-Hans"];
const NAME = "virtual:messages/";

/** Provide one module of texts for each language, from every folder `messages` in `sources`. */
export function messages(sources: string) {
  return {
    name: "messages",
    resolveId: (id: string) => (id.startsWith(NAME) ? `\0${id}` : undefined),
    load(id: string) {
      if (!id.startsWith(`\0${NAME}`)) return;
      const language = id.slice(NAME.length + 1);
      for (const folder of foldersIn(sources)) this.addWatchFile(join(folder, `${language}.json`));
      return `export default ${JSON.stringify(textsOf(language, sources))}`;
    },
  } satisfies Plugin;
}

/** Return every text of `language`; the English one if it is missing. */
export function textsOf(language: string, sources: string): Texts {
  const all: Texts = {};
  for (const folder of foldersIn(sources)) {
    const own = textsIn(folder, language);
    const known = new Set(Object.keys(own).map(stemOf));
    const english = Object.entries(textsIn(folder, "en")).filter(([key]) => !known.has(stemOf(key)));
    Object.assign(all, Object.fromEntries(english), own);
  }
  return all;
}

/** Return every folder `messages` in `sources`. */
export function foldersIn(sources: string): string[] {
  const files = readdirSync(sources, { recursive: true, encoding: "utf8" });
  const folders = files.map(dirname).filter((folder) => basename(folder) === "messages");
  return [...new Set(folders)].sort().map((folder) => join(sources, folder));
}

/** Return the texts of one file; none if there is no such file. */
export function textsIn(folder: string, language: string): Texts {
  try {
    return JSON.parse(readFileSync(join(folder, `${language}.json`), "utf8")) as Texts;
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw problem;
  }
}

/** Return the key that pages ask for: `calls.lead` of `calls.lead.one`. */
export function stemOf(key: string): string {
  return key.replace(/\.(zero|one|two|few|many|other)$/, "");
}
