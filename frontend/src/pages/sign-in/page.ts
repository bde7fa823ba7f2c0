import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const signIn: Page<KeyOf<typeof texts>> = {
  title: "session.title",
  audience: "anyone",
  routes: { "/sign-in": () => import("./SignIn.svelte") },
};
