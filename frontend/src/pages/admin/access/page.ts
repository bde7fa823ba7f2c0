import { Users } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const access: Page<KeyOf<typeof texts>> = {
  title: "access.title",
  audience: "admin",
  routes: { "/admin/access": () => import("./Access.svelte") },
  icon: Users,
};
