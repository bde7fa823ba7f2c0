/** The series of the dashboard's chart. */
import type { Schemas } from "$lib/api/client";
import { t } from "$lib/i18n";

type Bucket = Schemas["BucketFigures"];

interface Drawn {
  times: number[];
  series: { label: string; values: (number | null)[]; color: string; fill?: boolean }[];
}

/** Return one point for every hour or day (UTC) of a range, also for those without calls. */
export function overTime(
  buckets: Bucket[],
  measure: "tokens" | "calls" | "cost",
  start: string,
  end: string,
  hourly: boolean,
): Drawn {
  const step = hourly ? 3600 : 86_400;
  const byTime = new Map(buckets.map((bucket) => [Date.parse(bucket.bucket) / 1000, bucket]));
  const first = Date.parse(start) / 1000;
  const last = Math.min(Date.parse(end) / 1000 + 86_400 - step, Math.floor(Date.now() / 1000));
  const times: number[] = [];
  for (let at = first; at <= last; at += step) times.push(at);
  const line = (value: (bucket: Bucket) => number) =>
    times.map((at) => {
      const bucket = byTime.get(at);
      return bucket ? value(bucket) : 0;
    });
  const lines: Record<typeof measure, Drawn["series"]> = {
    tokens: [
      {
        label: t("usage.prompt_tokens"),
        values: line((one) => one.total_prompt_tokens),
        color: "--accent",
        fill: true,
      },
      {
        label: t("usage.completion_tokens"),
        values: line((one) => one.total_completion_tokens),
        color: "--warning",
      },
    ],
    calls: [
      { label: t("usage.calls"), values: line((one) => one.total_calls), color: "--accent", fill: true },
      { label: t("usage.failed"), values: line((one) => one.failed_calls), color: "--danger" },
    ],
    cost: [
      { label: t("usage.cost"), values: line((one) => Number(one.cost ?? 0)), color: "--accent", fill: true },
    ],
  };
  return { times, series: lines[measure] };
}
