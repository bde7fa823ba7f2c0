import { t } from "$lib/i18n";

export const KINDS: readonly string[] = ["openai", "anthropic", "gemini", "azure_openai", "openai_compatible"];

/** A kind of providers, as it calls itself; one that this version does not know by its name. */
export function nameOfKind(kind: string): string {
  if (kind === "openai_compatible") return t("providers.kind.openai_compatible");
  const names: Record<string, string> = {
    openai: "OpenAI",
    anthropic: "Anthropic",
    gemini: "Gemini",
    azure_openai: "Azure OpenAI",
  };
  return names[kind] ?? kind;
}
