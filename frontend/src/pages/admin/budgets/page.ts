import { CircleDollarSign } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const budgets: Page<KeyOf<typeof texts>> = {
  title: "budgets.title",
  audience: "admin",
  routes: { "/admin/budgets": () => import("./Budgets.svelte") },
  icon: CircleDollarSign,
};
