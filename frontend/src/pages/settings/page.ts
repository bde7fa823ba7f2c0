import { Settings } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const settings: Page<KeyOf<typeof texts>> = {
  title: "settings.title",
  audience: "user",
  routes: { "/settings": () => import("./Settings.svelte") },
  icon: Settings,
};
