import "../../test-browser";

import { beforeEach, describe, expect, test, vi } from "vitest";

import { has, language, languageOfTag, preferredLanguage, setLanguage, t } from ".";

beforeEach(() => setLanguage("en"));

describe("a text", () => {
  test("has the form for its number, written in its language", async () => {
    const days = (count: number) => t("common.days", { count });

    expect([days(1), days(2), days(1000)]).toEqual(["1 day", "2 days", "1,000 days"]);
    await setLanguage("zh-Hans");
    expect(days(1)).toBe("1 天");
  });

  test("keeps a name that has no value", () => {
    expect(t("common.page")).toBe("Page {page}");
  });

  test.each(["en", "zh-Hant", "zh-Hans"] as const)("that does not exist is no key in %s", async (wanted) => {
    await setLanguage(wanted);
    const unknown = "providers.probe.quota_used_up";

    expect(has(unknown)).toBe(false);
    expect(t(unknown as "common.page")).toBe("quota used up");
  });
});

describe("the language", () => {
  test.each([
    ["en-GB", "en"],
    ["zh-TW", "zh-Hant"],
    ["zh-HK", "zh-Hant"],
    ["zh-CN", "zh-Hans"],
    ["zh", "zh-Hans"],
    ["zh-Hant-CN", "zh-Hant"],
    ["yue", "zh-Hant"],
    ["de", undefined],
  ])("of %s is %s", (tag, wanted) => {
    expect(languageOfTag(tag)).toBe(wanted);
  });

  test("is the one kept on this device, else the browser's first that the pages have", async () => {
    await setLanguage("zh-Hans");
    expect([language(), preferredLanguage(), document.documentElement.lang]).toEqual(
      Array(3).fill("zh-Hans"),
    );

    localStorage.setItem("daybook.language", "de");
    vi.stubGlobal("navigator", { languages: ["de", "zh-TW", "en"] });
    expect(preferredLanguage()).toBe("zh-Hant");
    vi.stubGlobal("navigator", { languages: ["de"] });
    expect(preferredLanguage()).toBe("en");
  });
});
