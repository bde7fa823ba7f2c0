/** Light, dark, or as the system says. */
export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const KEPT = "daybook.theme";

let current = $state<Theme>("system");

/** What was chosen on this device. */
export function theme(): Theme {
  return current;
}

/** Shows the pages in `wanted`, and remembers it on this device. */
export function setTheme(wanted: Theme): void {
  current = wanted;
  if (wanted === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = wanted;
  try {
    localStorage.setItem(KEPT, wanted);
  } catch {
    // Then it holds for this visit.
  }
}

/** Takes up what was chosen before. */
export function restoreTheme(): void {
  try {
    const kept = THEMES.find((one) => one === localStorage.getItem(KEPT));
    if (kept) setTheme(kept);
  } catch {
    // Nothing was kept.
  }
}
