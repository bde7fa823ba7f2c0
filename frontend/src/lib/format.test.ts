import "../test-browser";

import { beforeEach, describe, expect, test } from "vitest";

import * as format from "./format";
import { setLanguage, type Language } from "./i18n";

beforeEach(() => setLanguage("en"));

/** The texts of `show` in English, Traditional and Simplified Chinese, without the spaces before Chinese units. */
async function inEach(show: () => string): Promise<string[]> {
  const texts: string[] = [];
  for (const language of ["en", "zh-Hant", "zh-Hans"] satisfies Language[]) {
    await setLanguage(language);
    texts.push(show().replace(/\s(?=\p{Script=Han})/gu, ""));
  }
  return texts;
}

describe("numbers", () => {
  test.each([
    ["count", () => format.count(1_234_567), ["1,234,567", "1,234,567", "1,234,567"]],
    ["compact", () => format.compact(12_345), ["12.3K", "1.2萬", "1.2万"]],
    ["percent", () => format.percent(0.975), ["97.5%", "97.5%", "97.5%"]],
    ["bytes", () => format.bytes(12_345_678), ["12.3 MB", "12.3 MB", "12.3 MB"]],
    ["few bytes", () => format.bytes(1), ["1 byte", "1位元組", "1字节"]],
    ["milliseconds", () => format.milliseconds(1234), ["1.2 sec", "1.2秒", "1.2秒"]],
    ["duration", () => format.duration(5400), ["1 hr 30 min", "1小時 30分鐘", "1小时 30分钟"]],
  ])("%s in three languages", async (_, show, texts) => {
    expect(await inEach(show)).toEqual(texts);
  });

  test.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1000, "1 kB"],
    [2.5e12, "2.5 TB"],
    [9e15, "9,000 TB"],
  ])("%d bytes are %s", (value, text) => {
    expect(format.bytes(value)).toBe(text);
  });

  test("progress says 100% only of what is complete", () => {
    expect([0, 0.366, 0.999, 1].map(format.progress)).toEqual(["0%", "36%", "99%", "100%"]);
  });
});

describe("money", () => {
  test.each([
    [null, "–"],
    [undefined, "–"],
    ["0", "$0.00"],
    ["12.345", "$12.35"],
    ["0.1", "$0.10"],
    ["0.0001234567", "$0.000123"],
    ["-0.05", "-$0.05"],
  ])("%s is %s", (value, text) => {
    expect(format.money(value)).toBe(text);
  });

  test("is in US dollars in three languages", async () => {
    expect(await inEach(() => format.money("3.5"))).toEqual(["$3.50", "US$3.50", "US$3.50"]);
  });
});

describe("durations", () => {
  test.each([
    [0, "0:00"],
    [59.6, "1:00"],
    [3723, "1:02:03"],
  ])("%d seconds on a clock are %s", (seconds, text) => {
    expect(format.clock(seconds)).toBe(text);
  });

  test.each([
    [0.2, "1 sec"],
    [59.4, "59 sec"],
    [59.6, "1 min"],
    [3600, "1 hr"],
    [7199, "2 hr"],
  ])("%d seconds last %s", (seconds, text) => {
    expect(format.duration(seconds)).toBe(text);
  });

  test("an estimate is marked, an unknown one is not", () => {
    expect(format.estimated(850)).toBe("≈\u00a0850 ms");
    expect(format.estimated(null)).toBe("–");
  });
});

describe("dates", () => {
  const LATE = "2026-01-31T23:30:00Z";

  test.each([
    ["UTC", "2026-01-31", "23:30"],
    ["Asia/Taipei", "2026-02-01", "07:30"],
    ["America/Los_Angeles", "2026-01-31", "15:30"],
  ])("a moment in %s is on its day there", (timezone, day, time) => {
    expect(format.dayOf(LATE, timezone)).toBe(day);
    expect(format.time(LATE, timezone)).toBe(time);
  });

  test("a moment has 24 hours in three languages", async () => {
    const texts = await inEach(() => format.moment(LATE, "Europe/Berlin"));
    expect(texts).toEqual(Array(3).fill(expect.stringMatching(/2026.*\s00:30$/)));
  });

  test("a day is the same in every timezone of the browser", async () => {
    expect(await inEach(() => format.day("2026-01-31", "long"))).toEqual([
      "January 31, 2026",
      "2026年1月31日",
      "2026年1月31日",
    ]);
  });

  test("distances are in the largest whole unit", () => {
    const now = Date.parse(LATE);
    const ago = (seconds: number) => format.ago(new Date(now + seconds * 1000).toISOString(), now);
    expect([-30, -180, 7200, -86_400].map(ago)).toEqual([
      "30 seconds ago",
      "3 minutes ago",
      "in 2 hours",
      "yesterday",
    ]);
  });

  test.each([
    ["2026-01-31", "2026-01-31"],
    ["2026-13-01", null],
    ["yesterday", null],
    [null, null],
  ])("%s in an address is the day %s", (text, day) => {
    expect(format.validDay(text)).toBe(day);
  });

  test("days are added over the ends of months and years", () => {
    expect(format.addDays("2026-12-31", 1)).toBe("2027-01-01");
    expect(format.addDays("2028-03-01", -1)).toBe("2028-02-29");
  });
});

describe("fields of times", () => {
  test.each([
    ["Asia/Taipei", "2026-01-31T08:05:09", "2026-01-31T00:05:09.000Z"],
    ["Asia/Kathmandu", "2026-01-31T00:00:00", "2026-01-30T18:15:00.000Z"],
    ["America/New_York", "2026-07-01T12:00:00", "2026-07-01T16:00:00.000Z"],
  ])("in %s are read as they are shown", (timezone, local, moment) => {
    expect(format.momentOf(local, timezone)).toBe(moment);
    expect(format.localTime(moment, timezone)).toBe(local);
  });

  test("a time that the clock skips is as far after the jump", () => {
    expect(format.momentOf("2026-03-29T02:30:00", "Europe/Berlin")).toBe("2026-03-29T01:30:00.000Z");
  });

  test("a time that the clock shows twice is the first", () => {
    expect(format.momentOf("2026-10-25T02:30:00", "Europe/Berlin")).toBe("2026-10-25T00:30:00.000Z");
  });
});
