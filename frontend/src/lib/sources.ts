/** Sources of calls. */
import { has, t, type Key } from "$lib/i18n";

/** Return the name of a source; an unknown one keeps its own. */
export function nameOfSource(source: string): string {
  const key = `usage.source.${source}`;
  return has(key) ? t(key as Key) : source;
}
