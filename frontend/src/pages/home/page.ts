import { CalendarDays } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const home: Page<KeyOf<typeof texts>> = {
  title: "home.title",
  audience: "user",
  routes: { "/": () => import("./Home.svelte") },
  icon: CalendarDays,
  isMain: true,
};
