/** Numbers, money and times in the page's language and the user's timezone. */
import { language, t } from "$lib/i18n";

/** 12,345 */
export function count(value: number): string {
  return numbers().format(value);
}

/** 12.3K, for narrow places. A language without such a word writes the number as `count` does. */
export function compact(value: number): string {
  return numbers({ notation: "compact", maximumFractionDigits: 1, useGrouping: "always" }).format(value);
}

/** US dollars from the API's decimal text. Small amounts keep three significant digits; null is unknown. */
export function money(value: string | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const amount = Number(value);
  const digits =
    amount !== 0 && Math.abs(amount) < 0.1 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 2 };
  return numbers({ style: "currency", currency: "USD", ...digits }).format(amount);
}

/** 97.5% of a share from 0 to 1. */
export function percent(share: number): string {
  return numbers({ style: "percent", maximumFractionDigits: 1 }).format(share);
}

/** 36%, of a progress from 0 to 1. 100% only if it is complete. */
export function progress(share: number): string {
  return numbers({ style: "percent", maximumFractionDigits: 0 }).format(Math.floor(share * 100) / 100);
}

/** 12.3 MB (powers of ten, as cameras and disks count). */
export function bytes(value: number): string {
  if (value < 1000) return t("common.bytes", { count: value });
  const units = ["kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = Math.min(Math.floor(Math.log10(value) / 3), units.length);
  return numbers({
    style: "unit",
    unit: units[power - 1],
    maximumFractionDigits: 1,
  }).format(value / 1000 ** power);
}

/** 1:02:03 or 2:03, from seconds. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, index) => (index ? String(part).padStart(2, "0") : String(part))).join(":");
}

/** 8 sec, 25 min, 1 hr 30 min, from seconds. */
export function duration(seconds: number): string {
  const part = (amount: number, unit: string) =>
    numbers({ style: "unit", unit, maximumFractionDigits: 0 }).format(amount);
  if (seconds < 59.5) return part(Math.max(seconds, 1), "second");
  const minutes = Math.round(seconds / 60);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return [hours ? part(hours, "hour") : "", rest ? part(rest, "minute") : ""].filter(Boolean).join(" ");
}

/** 850 ms, 1.2 s, from milliseconds. */
export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const [unit, amount] = value < 1000 ? ["millisecond", value] : ["second", value / 1000];
  return numbers({
    style: "unit",
    unit: unit as string,
    maximumFractionDigits: 1,
  }).format(amount as number);
}

/** ≈ 1.2 s: an estimate, from milliseconds. */
export function estimated(value: number | null | undefined): string {
  return value === null || value === undefined ? milliseconds(value) : `≈\u00a0${milliseconds(value)}`;
}

/** A moment (ISO 8601) as date and time. */
export function moment(iso: string, timeZone?: string): string {
  return dates({
    dateStyle: "medium",
    timeStyle: "short",
    hourCycle: "h23",
    timeZone,
  }).format(new Date(iso));
}

/** A moment as the time of its day: 07:10, as in the diary's pages. */
export function time(iso: string, timeZone?: string): string {
  return dates({ timeStyle: "short", hourCycle: "h23", timeZone }).format(new Date(iso));
}

/** A day (`2026-01-31`), in any timezone of the browser. */
export function day(date: string, style: "full" | "long" | "medium" | "short" = "full"): string {
  return dates({ dateStyle: style, timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));
}

/** "3 minutes ago", "in 2 hours". */
export function ago(iso: string, now = Date.now()): string {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(language(), { numeric: "auto" });
  for (const [unit, size] of [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ] as const) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return format.format(Math.round(seconds), "second");
}

/** Return the current day (`2026-01-31`) in `timeZone`. */
export function today(timeZone?: string): string {
  return dayOf(new Date().toISOString(), timeZone);
}

/** Return the day (`2026-01-31`) of a moment in `timeZone`. */
export function dayOf(iso: string, timeZone?: string): string {
  return dates({ timeZone, dateStyle: "short" }, "en-CA").format(new Date(iso));
}

/** Return `text` if it is a day (`2026-01-31`), else null: an address may contain anything. */
export function validDay(text: string | null): string | null {
  return text && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : null;
}

/** Return the day `days` later or, if negative, earlier. */
export function addDays(date: string, days: number): string {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** A moment as a `datetime-local` field shows it in `timeZone`: `2026-01-31T08:05:09`. */
export function localTime(iso: string, timeZone: string): string {
  const parts = dates(
    {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    },
    "en-CA",
  ).formatToParts(new Date(iso));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}:${part("second")}`;
}

/**
 * Return the moment (ISO 8601, UTC) at which clocks in `timeZone` show `local`. A skipped time counts as that far
 * after the jump; of a time shown twice, the first is taken.
 */
export function momentOf(local: string, timeZone: string): string {
  const wanted = Date.parse(`${local.length === 16 ? `${local}:00` : local}Z`);
  const shown = (at: number) => Date.parse(`${localTime(new Date(at).toISOString(), timeZone)}Z`);
  const offsets = [wanted - 86_400_000, wanted + 86_400_000].map((at) => shown(at) - at);
  const candidates = offsets.map((offset) => wanted - offset).sort((one, other) => one - other);
  const exact = candidates.find((at) => shown(at) === wanted);
  return new Date(exact ?? candidates[candidates.length - 1] ?? wanted).toISOString();
}

/** Formats are expensive to create, and every row of a long list needs the same few. */
const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

function numbers(options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  return kept(Intl.NumberFormat, language(), options);
}

function dates(options: Intl.DateTimeFormatOptions, tag: string = language()): Intl.DateTimeFormat {
  return kept(Intl.DateTimeFormat, tag, options);
}

function kept<O, F extends Intl.NumberFormat | Intl.DateTimeFormat>(
  Format: new (tag: string, options: O) => F,
  tag: string,
  options: O,
): F {
  const key = `${Format.name} ${tag} ${JSON.stringify(options)}`;
  const found = (made.get(key) as F | undefined) ?? new Format(tag, options);
  made.set(key, found);
  return found;
}
