import { HeartPulse } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const health: Page<KeyOf<typeof texts>> = {
  title: "health.title",
  audience: "admin",
  routes: { "/admin/health": () => import("./Health.svelte") },
  icon: HeartPulse,
};
