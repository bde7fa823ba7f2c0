import "../../test-browser";

import { beforeEach, describe, expect, test } from "vitest";

import { setLanguage } from "$lib/i18n";

import { dateFormatsOf, optionsOf } from "./chart";

const MIDNIGHT = Date.parse("2026-01-31T00:00:00Z") / 1000;
const every = (seconds: number, count: number) =>
  Array.from({ length: count }, (_, index) => MIDNIGHT + index * seconds);
const look = (times: number[], timezone = "UTC") =>
  optionsOf({
    ...{
      times,
      color: (token: string) => `<${token}>`,
      font: "sans",
      scale: 1,
      format: (value: number) => `$${value}`,
    },
    ...{ dates: dateFormatsOf(times, timezone).axis },
    series: [
      { label: "Prompt", values: [], color: "--accent", fill: true },
      { label: "Answer", values: [], color: "--warning" },
    ],
  });

beforeEach(() => setLanguage("en"));

describe("the axis of times", () => {
  test("has days if points are days apart", () => {
    expect(look(every(86_400, 3)).axes[0]?.values({} as never, every(86_400, 2))).toEqual([
      "Jan 31",
      "Feb 1",
    ]);
  });

  test("has hours of the timezone if points are closer", () => {
    const marks = every(3600, 2);
    expect(look(marks).axes[0]?.values({} as never, marks)).toEqual(["00:00", "01:00"]);
    expect(look(marks, "Asia/Taipei").axes[0]?.values({} as never, marks)).toEqual(["08:00", "09:00"]);
  });

  test("is in the language of the page", async () => {
    await setLanguage("zh-Hant");
    expect(look(every(86_400, 3)).axes[0]?.values({} as never, [MIDNIGHT])).toEqual(["1月31日"]);
  });
});

describe("a point", () => {
  test("names its day, and its hour if points are hours apart", () => {
    expect(dateFormatsOf(every(86_400, 2), "UTC").full.format(MIDNIGHT * 1000)).toBe("Jan 31");
    expect(dateFormatsOf(every(3600, 2), "UTC").full.format(MIDNIGHT * 1000)).toMatch(/^Jan 31.* 00:00$/);
  });

  test("is a day's if there is only one", () => {
    expect(dateFormatsOf([MIDNIGHT], "UTC").full.format(MIDNIGHT * 1000)).toBe("Jan 31");
  });
});

describe("series", () => {
  test("follow the times with their own colours, and one is filled", () => {
    const [times, prompt, answer] = look(every(3600, 3)).series;
    expect(times).toEqual({});
    expect(prompt).toMatchObject({ label: "Prompt", stroke: "<--accent>", fill: "<--accent-soft>" });
    expect(answer).toMatchObject({ label: "Answer", stroke: "<--warning>" });
    expect(answer).not.toHaveProperty("fill");
  });

  test.each([
    [39, true],
    [40, false],
  ])("of %d points show dots: %s", (count, show) => {
    expect(look(every(3600, count)).series[1]).toMatchObject({ points: { show } });
  });

  test("have their values in the given format", () => {
    expect(look(every(3600, 3)).axes[1]?.values({} as never, [0, 5])).toEqual(["$0", "$5"]);
  });
});
