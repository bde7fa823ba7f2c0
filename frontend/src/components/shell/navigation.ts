import { PAGES } from "$pages";

/** A page in the navigation. */
export type Entry = (typeof ENTRIES)[number];

const ENTRIES = PAGES.flatMap(({ routes, title, audience, icon, isMain }) =>
  icon ? [{ path: Object.keys(routes)[0] ?? "/", title, audience, icon, isMain }] : [],
);

/** The entries of every user. */
export const OWN = ENTRIES.filter(({ audience }) => audience === "user");

/** The additional entries of administrators. */
export const ADMIN = ENTRIES.filter(({ audience }) => audience === "admin");

/** Return the entry of `path`: the one with the longest matching address. */
export function currentOf(entries: readonly Entry[], path: string): Entry | undefined {
  return entries
    .filter((entry) => path === entry.path || (entry.path !== "/" && path.startsWith(`${entry.path}/`)))
    .sort((one, other) => other.path.length - one.path.length)[0];
}
