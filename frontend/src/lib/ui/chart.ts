import type uPlot from "uplot";

import { language } from "$lib/i18n";

export interface Series {
  label: string;
  values: (number | null)[];
  /** A colour token: `--accent`. */
  color: string;
  fill?: boolean;
}

interface Look {
  /** Seconds since 1970. */
  times: number[];
  series: Series[];
  /** Return the colour of a token. */
  color: (token: string) => string;
  font: string;
  scale: number;
  dates: Intl.DateTimeFormat;
  format: (value: number) => string;
}

/** Most points that are drawn as dots. */
const MOST_DOTS = 40;

/** Return the formats of a chart's times: of a point, and of the axis. Points less than a day apart show hours. */
export function dateFormatsOf(times: number[], timeZone: string) {
  const isHourly = (times[1] ?? Infinity) - (times[0] ?? 0) < 86_400;
  const hours = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const days = { month: "short", day: "numeric", timeZone } as const;
  const full = new Intl.DateTimeFormat(language(), isHourly ? { ...days, ...hours } : days);
  return { full, axis: isHourly ? new Intl.DateTimeFormat(language(), { ...hours, timeZone }) : full };
}

/** Return the options of a chart, without its size. */
export function optionsOf({ times, series, color, font, scale, dates, format }: Look) {
  const axis = {
    stroke: color("--ink-2"),
    font: `${12 * scale}px ${font}`,
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    padding: [8, 24 * scale, 0, 0],
    axes: [
      {
        ...axis,
        size: 28,
        space: 72,
        values: (_: uPlot, marks: number[]) => marks.map((mark) => dates.format(mark * 1000)),
      },
      {
        ...axis,
        size: 56 * scale,
        space: 36 * scale,
        values: (_: uPlot, marks: number[]) => marks.map((mark) => format(mark)),
      },
    ],
    series: [
      {},
      ...series.map((one) => ({
        label: one.label,
        stroke: color(one.color),
        width: 2,
        points: { show: times.length < MOST_DOTS, size: 5, fill: color(one.color) },
        ...(one.fill ? { fill: color("--accent-soft") } : {}),
      })),
    ],
  } satisfies Omit<uPlot.Options, "width" | "height">;
}
