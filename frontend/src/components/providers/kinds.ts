import type { Schemas } from "$lib/api/client";
import { t } from "$lib/i18n";

type Kind = Schemas["Provider"];

export const KINDS: readonly Kind[] = ["openai", "anthropic", "gemini", "azure_openai", "openai_compatible"];

/** A kind of providers, as it calls itself. */
export function nameOfKind(kind: Kind): string {
  if (kind === "openai_compatible") return t("providers.kind.openai_compatible");
  return { openai: "OpenAI", anthropic: "Anthropic", gemini: "Gemini", azure_openai: "Azure OpenAI" }[kind];
}
