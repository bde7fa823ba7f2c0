/** The texts of the pages: complete in every language, all used, and none asked for that does not exist. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { LANGUAGES, foldersIn, messages, stemOf, textsIn, textsOf, type Texts } from "./messages";

const SOURCES = join(import.meta.dirname, "src");
/** Texts that are the same in all languages. */
const UNTRANSLATED = new Set(["API", "{page}", "Token", "{count} Token"]);

/** What is wrong with the texts of one folder in one language. */
function problemsOf(language: string, texts: Texts, english: Texts): string[] {
  const problems: string[] = [];
  const [own, wanted] = [byStem(texts), byStem(english)];
  for (const [stem, { parameters }] of wanted) {
    const found = own.get(stem);
    if (!found) problems.push(`${stem} is missing`);
    else if (found.parameters !== parameters)
      problems.push(`${stem} takes ${found.parameters || "nothing"}, in English ${parameters || "nothing"}`);
  }
  for (const [stem, { forms }] of own) {
    const needed = forms === "" ? "" : language === "en" ? "one other" : "other";
    if (!wanted.has(stem)) problems.push(`${stem} is not there in English`);
    if (forms !== needed) problems.push(`${stem} has the forms ${forms} instead of ${needed}`);
  }
  for (const [key, text] of Object.entries(texts)) {
    if (!text.trim()) problems.push(`${key} is empty`);
    const isForeign = !/\p{Script=Han}/u.test(text) && /[A-Za-z]/.test(text.replace(/\{\w+\}/g, ""));
    if (language !== "en" && isForeign && !UNTRANSLATED.has(text)) problems.push(`${key} is in English`);
  }
  return problems;
}

function byStem(texts: Texts): Map<string, { parameters: string; forms: string }> {
  const stems = new Map<string, [key: string, text: string][]>();
  for (const entry of Object.entries(texts)) {
    const stem = stemOf(entry[0]);
    stems.set(stem, [...(stems.get(stem) ?? []), entry]);
  }
  return new Map(
    [...stems].map(([stem, entries]) => [
      stem,
      {
        parameters: parametersOf(entries.map(([, text]) => text).join()),
        forms: sorted(entries.filter(([key]) => key !== stem).map(([key]) => key.slice(stem.length + 1))),
      },
    ]),
  );
}

function parametersOf(text: string): string {
  return sorted([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ""));
}

function sorted(words: string[]): string {
  return [...new Set(words)].sort().join(" ");
}

/** The keys in quotes in `source`, and patterns of those that are made when the page runs. */
function keysIn(source: string, areas: string): { keys: string[]; patterns: RegExp[] } {
  const key = new RegExp(`"((?:${areas})(?:\\.[a-z_0-9]+)+)"`, "g");
  const template = new RegExp(`\`((?:${areas})\\.[a-z_.]*)\\$\\{[^\`}]*\\}([a-z_.]*)\``, "g");
  const literal = (text = "") => text.replaceAll(".", "\\.");
  return {
    keys: [...source.matchAll(key)].map(([, found]) => found ?? ""),
    patterns: [...source.matchAll(template)].map(
      ([, begin, end]) => new RegExp(`^${literal(begin)}[a-z_0-9]+${literal(end)}$`),
    ),
  };
}

/** Calls of `t` in `source` that give other parameters than the text takes, where all are written out. */
function wrongParametersIn(source: string, wanted: Map<string, { parameters: string }>): string[] {
  return [...source.matchAll(/\bt\(\s*"([a-z_.]+)"\s*(?:,\s*\{([^{}]*)\}\s*,?\s*)?\)/g)].flatMap(
    ([, key = "", object = ""]) => {
      // A value may hold commas in brackets of its own.
      const parts = object.replace(/\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\]]*\]/g, "").split(",");
      const given = sorted(parts.map((part) => part.split(":")[0]?.trim() ?? "").filter(Boolean));
      const takes = wanted.get(key)?.parameters ?? "";
      return given === takes ? [] : [`${key} takes ${takes || "nothing"} and is given ${given || "nothing"}`];
    },
  );
}

describe("the texts of the pages", () => {
  const folders = foldersIn(SOURCES);
  const english = textsOf("en", SOURCES);
  const stems = new Set(Object.keys(english).map(stemOf));
  const areas = sorted([...stems].map((stem) => stem.split(".")[0] ?? "")).replaceAll(" ", "|");
  const sources = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter(
      (path) => /\.(svelte|ts)$/.test(path) && !/\.test\.ts$/.test(path) && basename(path) !== "schema.d.ts",
    )
    .map((path) => ({ path, text: readFileSync(join(SOURCES, path), "utf8") }));
  const found = sources.map(({ path, text }) => ({ path, ...keysIn(text, areas) }));

  test.each(folders.flatMap((folder) => LANGUAGES.map((language) => [relative(SOURCES, folder), language])))(
    "%s/%s.json is complete",
    (folder = "", language = "") => {
      const path = join(SOURCES, folder);
      expect(problemsOf(language, textsIn(path, language), textsIn(path, "en"))).toEqual([]);
    },
  );

  test("no key is in two folders", () => {
    const keys = folders.flatMap((folder) => Object.keys(textsIn(folder, "en")));
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
    expect(keys.length).toBeGreaterThan(400);
  });

  test("every key that a page asks for has a text", () => {
    const missing = found.flatMap(({ path, keys, patterns }) => [
      ...keys.filter((key) => !stems.has(key)).map((key) => `${path}: ${key}`),
      ...patterns.filter((one) => ![...stems].some((key) => one.test(key))).map((one) => `${path}: ${one}`),
    ]);
    expect(missing).toEqual([]);
  });

  test("every text is asked for", () => {
    const asked = new Set(found.flatMap(({ keys }) => keys));
    const patterns = found.flatMap((one) => one.patterns);
    const unused = [...stems].filter((key) => !asked.has(key) && !patterns.some((one) => one.test(key)));
    expect(unused).toEqual([]);
  });

  test("every text is given what it takes", () => {
    const wanted = byStem(english);
    const wrong = sources.flatMap(({ path, text }) =>
      wrongParametersIn(text, wanted).map((problem) => `${path}: ${problem}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("the check of texts", () => {
  const english = { "a.lead.one": "{count} day", "a.lead.other": "{count} days", "a.title": "Of {name}" };
  const chinese = { "a.lead.other": "{count} 天", "a.title": "{name} 的" };

  test.each<[string, Texts, string[]]>([
    ["nothing", chinese, []],
    ["a missing text", { "a.title": "{name} 的" }, ["a.lead is missing"]],
    ["another parameter", { ...chinese, "a.title": "{who} 的" }, ["a.title takes who, in English name"]],
    ["a text too many", { ...chinese, "a.more": "多" }, ["a.more is not there in English"]],
    [
      "a form too many",
      { ...chinese, "a.lead.one": "{count} 天" },
      ["a.lead has the forms one other instead of other"],
    ],
    [
      "an empty text",
      { ...chinese, "a.title": "" },
      ["a.title takes nothing, in English name", "a.title is empty"],
    ],
    ["an English text", { ...chinese, "a.title": "Of {name}" }, ["a.title is in English"]],
  ])("finds %s", (_, texts, problems) => {
    expect(problemsOf("zh-Hant", texts, english)).toEqual(problems);
  });

  test("finds keys in sources", () => {
    expect(keysIn('t("a.title"); "b.title"; t(`a.${kind}.name`)', "a")).toEqual({
      keys: ["a.title"],
      patterns: [/^a\.[a-z_0-9]+\.name$/],
    });
  });

  test("finds wrong parameters in sources", () => {
    const wanted = byStem(english);
    expect(wrongParametersIn('t("a.title", { name: of(one, two) })', wanted)).toEqual([]);
    expect(wrongParametersIn('t("a.title", { name, more })', wanted)).toHaveLength(1);
    expect(wrongParametersIn('t("a.title")', wanted)).toEqual(["a.title takes name and is given nothing"]);
  });
});

describe("a text that is missing", () => {
  let sources = "";
  const write = (folder: string, language: string, texts: Texts) => {
    mkdirSync(join(sources, folder, "messages"), { recursive: true });
    writeFileSync(join(sources, folder, "messages", `${language}.json`), JSON.stringify(texts));
  };

  beforeEach(() => (sources = mkdtempSync(join(tmpdir(), "messages-"))));
  afterEach(() => rmSync(sources, { recursive: true }));

  test("is built in English", () => {
    write("a", "en", { "a.title": "Day", "a.days.one": "{count} day", "a.days.other": "{count} days" });
    write("a", "zh-Hant", { "a.days.other": "{count} 天" });
    write("b/c", "en", { "c.title": "Page" });

    expect(textsOf("zh-Hant", sources)).toEqual({
      "a.title": "Day",
      "a.days.other": "{count} 天",
      "c.title": "Page",
    });
    expect(textsOf("en", sources)["a.days.one"]).toBe("{count} day");
  });

  test("is in English in what the pages load", () => {
    write("a", "en", { "a.title": "Day" });
    const plugin = messages(sources);
    const context = { addWatchFile: () => undefined } as never;
    const code = plugin.load.call(context, plugin.resolveId("virtual:messages/zh-Hans") ?? "");

    expect(code).toBe('export default {"a.title":"Day"}');
  });
});
