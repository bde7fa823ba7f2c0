/** What made a call, as people call it. */
import { has, t, type Key } from "$lib/i18n";

/** The name of a source that Daybook knows; a program's own is as the program says it. */
export function nameOfSource(source: string): string {
  const key = `usage.source.${source}`;
  return has(key) ? t(key as Key) : source;
}
