import { Video } from "@lucide/svelte";

import type { KeyOf } from "$lib/i18n";
import type { Page } from "$lib/page";
import type texts from "./messages/en.json";

export const recordings: Page<KeyOf<typeof texts>> = {
  title: "recordings.title",
  audience: "user",
  routes: {
    "/recordings": () => import("./Recordings.svelte"),
    "/recordings/:id": () => import("./Recording.svelte"),
  },
  icon: Video,
  isMain: true,
};
