import { Sparkles } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const start: Page<KeyOf<typeof texts>> = {
  title: "start.title",
  audience: "user",
  routes: { "/start": () => import("./Start.svelte") },
  icon: Sparkles,
};
