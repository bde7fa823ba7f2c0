import { dispatch } from "../../test-browser";

import { beforeEach, expect, test } from "vitest";

import { draftOf, keepDraft } from "./drafts";

const leaving = () => {
  const event = new Event("beforeunload", { cancelable: true });
  dispatch(event);
  return event.defaultPrevented;
};

beforeEach(() => keepDraft(1, "2026-01-31", undefined));

test("a draft belongs to its user and day", () => {
  keepDraft(1, "2026-01-31", "at the lake");

  expect(draftOf(1, "2026-01-31")).toBe("at the lake");
  expect(draftOf(1, "2026-02-01")).toBeUndefined();
  expect(draftOf(2, "2026-01-31")).toBeUndefined();
});

test("the last text is kept, also an empty one", () => {
  keepDraft(1, "2026-01-31", "at the lake");
  keepDraft(1, "2026-01-31", "");

  expect(draftOf(1, "2026-01-31")).toBe("");
});

test("the browser asks before the page is closed while there is a draft", () => {
  expect(leaving()).toBe(false);
  keepDraft(1, "2026-01-31", "at the lake");
  expect(leaving()).toBe(true);
  keepDraft(1, "2026-01-31", undefined);
  expect(leaving()).toBe(false);
});
