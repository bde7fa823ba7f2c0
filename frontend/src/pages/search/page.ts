import { Search } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const search: Page<KeyOf<typeof texts>> = {
  title: "search.title",
  audience: "user",
  routes: { "/search": () => import("./Search.svelte") },
  icon: Search,
  isMain: true,
};
