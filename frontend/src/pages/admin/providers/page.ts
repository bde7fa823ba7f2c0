import { KeyRound } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const providers: Page<KeyOf<typeof texts>> = {
  title: "providers.title",
  audience: "admin",
  routes: { "/admin/providers": () => import("./Providers.svelte") },
  icon: KeyRound,
};
