import { ScrollText } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const calls: Page<KeyOf<typeof texts>> = {
  title: "calls.title",
  audience: "admin",
  routes: {
    "/admin/calls": () => import("./Calls.svelte"),
    "/admin/calls/:id": () => import("./Call.svelte"),
  },
  icon: ScrollText,
};
