import { ListChecks } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const jobs: Page<KeyOf<typeof texts>> = {
  title: "jobs.title",
  audience: "admin",
  routes: { "/admin/jobs": () => import("./Jobs.svelte") },
  icon: ListChecks,
};
