import { Gauge } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const dashboard: Page<KeyOf<typeof texts>> = {
  title: "dashboard.title",
  audience: "admin",
  routes: { "/admin": () => import("./Dashboard.svelte") },
  icon: Gauge,
};
