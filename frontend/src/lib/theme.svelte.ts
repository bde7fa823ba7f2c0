/** The theme: light, dark, or the system's. */
export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const KEPT = "daybook.theme";

let current = $state<Theme>("system");

/** Return the theme chosen on this device. */
export function theme(): Theme {
  return current;
}

/** Show the pages in `wanted`, and remember it on this device. */
export function setTheme(wanted: Theme): void {
  current = wanted;
  if (wanted === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = wanted;
  try {
    localStorage.setItem(KEPT, wanted);
  } catch {
    // Without storage, it applies to this visit.
  }
}

/** Apply the theme that was chosen before. */
export function restoreTheme(): void {
  try {
    const kept = THEMES.find((one) => one === localStorage.getItem(KEPT));
    if (kept) setTheme(kept);
  } catch {
    // Nothing was kept.
  }
}
