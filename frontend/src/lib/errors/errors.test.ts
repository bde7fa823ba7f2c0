import "../../test-browser";

import { beforeEach, describe, expect, test, vi } from "vitest";

import { ApiError, ask, onSignedOut } from "$lib/api/client";
import { setLanguage } from "$lib/i18n";
import { session } from "$lib/session.svelte";

import { wordsFor, wordsOf, wordsOfJob } from ".";

const LEFT = {
  subject: "user",
  period: "day",
  unit: "usd",
  limit: "5",
  amount: "0.25",
  used: "4.9",
  held: "0",
};

beforeEach(async () => {
  await setLanguage("en");
  session.user = null;
});

describe("the message of an error", () => {
  test("has its values in the page's language", async () => {
    const error = { code: "file_too_large", message: "too large", details: { most_bytes: 20_000_000 } };

    expect(wordsOf(error)).toBe("The file is too large: the limit is 20 MB.");
    await setLanguage("zh-Hant");
    expect(wordsOf(error)).toBe("檔案太大，最多收 20 MB。");
  });

  test("names fields, lists and kinds as the pages do", () => {
    const fields = { code: "invalid_request", message: "", details: { fields: "account, api_key, other" } };
    const thing = { code: "not_a_video", message: "", details: { detail: "picture" } };

    expect(wordsOf(fields)).toBe("These fields are invalid: Account, API key, and other.");
    expect(wordsOf(thing)).toBe("This is not a video. It is a still picture.");
  });

  test("has money, and a moment in the user's timezone", () => {
    session.user = { timezone: "Asia/Taipei" } as never;
    const details = { ...LEFT, resets_at: "2026-01-31T16:00:00Z" };
    const words = wordsOf({ code: "budget_reached", message: "", details });

    expect(words).toContain("(Person, Day) of $5.00");
    expect(words).toContain("up to $0.25: $4.90 used, $0.00 reserved");
    expect(words).toContain("Feb 1, 2026, 00:00");
  });

  test("has tokens if the budget is in tokens", () => {
    const details = { ...LEFT, unit: "tokens", limit: 5000, resets_at: "2026-01-31T16:00:00Z" };
    expect(wordsOf({ code: "budget_reached", message: "", details })).toContain("of 5,000 tokens");
  });

  test("chooses the form for its number", () => {
    const words = (count: number) => wordsOf({ code: "too_many_attempts", message: "", details: { count } });
    expect(words(1)).toContain("in 1 minute.");
    expect(words(2)).toContain("in 2 minutes.");
  });

  test("is the server's if a value is missing or the code is unknown", () => {
    expect(wordsOf({ code: "file_too_large", message: "server's words", details: {} })).toBe(
      "server's words",
    );
    expect(wordsOf({ code: "never_heard", message: "server's words", details: {} })).toBe("server's words");
  });
});

describe("anything that was thrown", () => {
  test("has a message, also if it is no error of the API", () => {
    expect(wordsFor(new ApiError(404, "not_found", "", {}, null))).toBe(
      "This does not exist, or it is not yours.",
    );
    expect(wordsFor(new TypeError("x is undefined"))).toMatch(/^Something went wrong/);
  });
});

describe("a failed job", () => {
  test("has the message of its code, else its own", () => {
    const job = { error_code: "time_limit", error_message: "m", error_details: { hours: 2 } };

    expect(wordsOfJob(job)).toBe("The job ran longer than 2 hours and was stopped.");
    expect(wordsOfJob({ ...job, error_code: null })).toBe("m");
    expect(wordsOfJob({ ...job, error_code: null, error_message: null })).toMatch(/^Something went wrong/);
  });
});

describe("a response", () => {
  const answer = (status: number, error?: unknown, headers = {}) =>
    Promise.resolve({ data: "data", error, response: new Response(null, { status, headers }) });

  test("gives its data", async () => {
    expect(await ask(answer(200))).toBe("data");
  });

  test("with an error has its code, details and time to wait", async () => {
    const body = { error: { code: "busy", message: "m", details: { a: 1 } } };
    await expect(ask(answer(429, body, { "retry-after": "7" }))).rejects.toMatchObject({
      ...{ status: 429, code: "busy", words: "m", details: { a: 1 }, retryAfter: 7 },
    });
  });

  test("without a body has its status as the code", async () => {
    await expect(ask(answer(502))).rejects.toMatchObject({ code: "http_502", details: {}, retryAfter: null });
  });

  test("that never comes is said to be offline, one that was aborted is not", async () => {
    const aborted = new DOMException("", "AbortError");
    await expect(ask(Promise.reject(new TypeError("fetch")))).rejects.toMatchObject({ code: "offline" });
    await expect(ask(Promise.reject(aborted))).rejects.toBe(aborted);
  });

  test("of an ended session is reported to its listeners", async () => {
    const listener = vi.fn();
    onSignedOut(listener);
    await expect(ask(answer(401, { error: { code: "unauthenticated" } }))).rejects.toThrow();
    await expect(ask(answer(403, { error: { code: "forbidden" } }))).rejects.toThrow();

    expect(listener).toHaveBeenCalledOnce();
  });
});
