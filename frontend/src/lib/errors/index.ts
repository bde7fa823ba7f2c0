/** Messages of errors in the page's language, from the server's `code` and `details`. */
import { ApiError, type Details } from "$lib/api/client";
import { bytes, count, day, moment, money } from "$lib/format";
import { has, language, t, type Key } from "$lib/i18n";
import { session } from "$lib/session.svelte";

/** Return the message for anything that was thrown. */
export function wordsFor(problem: unknown): string {
  if (!(problem instanceof ApiError)) return t("error.unknown");
  return wordsOf({ code: problem.code, message: problem.words, details: problem.details });
}

/** Return the message for a failed job. */
export function wordsOfJob(job: {
  error_code: string | null;
  error_message: string | null;
  error_details: Details;
}): string {
  if (job.error_code === null) return job.error_message ?? t("error.unknown");
  return wordsOf({
    code: job.error_code,
    message: job.error_message ?? t("error.unknown"),
    details: job.error_details,
  });
}

/** Return the text for `code` if `details` has all of its values, else the server's English message. */
export function wordsOf({
  code,
  message,
  details,
}: {
  code: string;
  message: string;
  details: Details;
}): string {
  const key = `error.${code}`;
  if (!has(key) && !has(`${key}.other`)) return message;
  const words = t(key as Key, shown(details));
  return /\{\w+\}/.test(words) ? message : words;
}

/** Return `details` formatted for the user. */
function shown(details: Details): Details {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [name, shownOne(name, value, details)]),
  );
}

function shownOne(name: string, value: string | number, details: Details): string | number {
  const text = String(value);
  switch (name) {
    case "day":
      return day(text);
    case "resets_at":
      return moment(text, session.timezone);
    case "most_bytes":
      return bytes(Number(value));
    case "field":
      return label(text);
    case "fields":
      return new Intl.ListFormat(language()).format(text.split(", ").map(label));
    case "subject":
    case "period":
      return named(`budgets.${name}.${text}`, text);
    case "detail":
      return named(`upload.thing.${text}`, text);
    case "status":
      return named(`jobs.status.${text}`, text);
    case "amount":
    case "limit":
    case "used":
    case "held":
      if (!("unit" in details)) return value;
      return details["unit"] === "usd" ? money(text) : `${count(Number(value))} ${t("budgets.tokens")}`;
    default:
      return value;
  }
}

/** Labels of the API's fields; a field without a label keeps its name. */
const FIELDS: Record<string, Key> = {
  account: "session.account",
  name: "access.name",
  description: "access.description",
  models: "access.models",
  requests_per_minute: "access.requests",
  tokens_per_minute: "access.tokens",
  expires_at: "access.expires",
  timezone: "access.timezone",
  base_url: "providers.base_url",
  api_key: "providers.key",
  limit: "budgets.limit",
};

function label(field: string): string {
  const key = FIELDS[field];
  return key ? t(key) : field;
}

function named(key: string, otherwise: string): string {
  return has(key) ? t(key as Key) : otherwise;
}
