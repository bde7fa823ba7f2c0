import { ChartColumn } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const usage: Page<KeyOf<typeof texts>> = {
  title: "usage.title",
  audience: "user",
  routes: { "/usage": () => import("./Usage.svelte") },
  icon: ChartColumn,
  isMain: true,
};
