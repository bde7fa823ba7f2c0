import type { Schemas } from "$lib/api/client";
import { has, t } from "$lib/i18n";

type Provider = Schemas["ProviderResponse"];

/** Return the translated name of a provider, or the API's label if there is none. */
export function nameOfKind({ name, label }: Provider): string {
  const key = `providers.kind.${name}`;
  return has(key) ? t(key) : label;
}
