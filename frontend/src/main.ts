import "./lib/ui/base.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { preferredLanguage, setLanguage } from "./lib/i18n";
import { followLinks } from "./lib/router.svelte";
import { session } from "./lib/session.svelte";
import { restoreTheme } from "./lib/theme.svelte";

// After an upgrade of the server the files of this page are gone: the next one it needs is that of a newer page.
addEventListener("vite:preloadError", () => location.reload());
restoreTheme();
followLinks();
await Promise.all([setLanguage(preferredLanguage()), session.load().catch(() => (session.user = null))]);
mount(App, { target: document.body });
