import "$lib/ui/base.css";

import { mount } from "svelte";

import { preferredLanguage, setLanguage } from "$lib/i18n";
import { followLinks, here, match } from "$lib/router.svelte";
import { session } from "$lib/session.svelte";
import { restoreTheme } from "$lib/theme.svelte";
import { ROUTES } from "$pages";
import App from "./App.svelte";

// After an upgrade of the server, the files of this page are gone: reload to get the new ones.
addEventListener("vite:preloadError", () => location.reload());
restoreTheme();
followLinks();
// Load the page while the user is being loaded; an error shows when the page is needed.
void match(ROUTES, here().path)
  ?.route.load()
  .catch(() => undefined);
await Promise.all([setLanguage(preferredLanguage()), session.load().catch(() => (session.user = null))]);
mount(App, { target: document.body });
