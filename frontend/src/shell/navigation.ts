import {
  CalendarDays,
  ChartColumn,
  CircleDollarSign,
  Video,
  Gauge,
  HeartPulse,
  KeyRound,
  ListChecks,
  ScrollText,
  Search,
  Settings,
  Sparkles,
  Users,
} from "@lucide/svelte";

import type { Key } from "../lib/i18n";

export interface Entry {
  readonly path: string;
  readonly label: Key;
  readonly icon: typeof CalendarDays;
  /** Has its place in the bar of small screens. */
  readonly isMain?: boolean;
}

/** What everybody has. Vlogs, chat and tasks take their places after the search. */
export const OWN: readonly Entry[] = [
  { path: "/", label: "nav.home", icon: CalendarDays, isMain: true },
  { path: "/recordings", label: "nav.recordings", icon: Video, isMain: true },
  { path: "/search", label: "nav.search", icon: Search, isMain: true },
  { path: "/usage", label: "nav.usage", icon: ChartColumn, isMain: true },
  { path: "/start", label: "nav.start", icon: Sparkles },
  { path: "/settings", label: "nav.settings", icon: Settings },
];

/** What administrators have besides. */
export const ADMIN: readonly Entry[] = [
  { path: "/admin", label: "nav.admin.dashboard", icon: Gauge },
  { path: "/admin/calls", label: "nav.admin.calls", icon: ScrollText },
  { path: "/admin/providers", label: "nav.admin.providers", icon: KeyRound },
  { path: "/admin/access", label: "nav.admin.access", icon: Users },
  { path: "/admin/budgets", label: "nav.admin.budgets", icon: CircleDollarSign },
  { path: "/admin/jobs", label: "nav.admin.jobs", icon: ListChecks },
  { path: "/admin/health", label: "nav.admin.health", icon: HeartPulse },
];

/** The entry that `path` belongs to: the longest that it begins with. */
export function currentOf(entries: readonly Entry[], path: string): Entry | undefined {
  return entries
    .filter((entry) => path === entry.path || (entry.path !== "/" && path.startsWith(`${entry.path}/`)))
    .sort((one, other) => other.path.length - one.path.length)[0];
}
