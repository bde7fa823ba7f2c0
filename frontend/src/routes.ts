import type { Route } from "./lib/router.svelte";

/** Every page, in the order in which it is looked for. */
export const ROUTES: readonly Route[] = [
  {
    path: "/sign-in",
    title: "session.title",
    audience: "anyone",
    load: () => import("./pages/session/SignIn.svelte"),
  },
  { path: "/", title: "home.title", audience: "user", load: () => import("./pages/home/Home.svelte") },
  {
    path: "/recordings",
    title: "recordings.title",
    audience: "user",
    load: () => import("./pages/recordings/Recordings.svelte"),
  },
  {
    path: "/recordings/:id",
    title: "recordings.title",
    audience: "user",
    load: () => import("./pages/recordings/Recording.svelte"),
  },
  {
    path: "/search",
    title: "search.title",
    audience: "user",
    load: () => import("./pages/events/Search.svelte"),
  },
  {
    path: "/settings",
    title: "settings.title",
    audience: "user",
    load: () => import("./pages/settings/Settings.svelte"),
  },
  {
    path: "/usage",
    title: "usage.title",
    audience: "user",
    load: () => import("./pages/usage/Usage.svelte"),
  },
  {
    path: "/admin/calls",
    title: "calls.title",
    audience: "admin",
    load: () => import("./pages/admin/calls/Calls.svelte"),
  },
  {
    path: "/admin/calls/:id",
    title: "calls.title",
    audience: "admin",
    load: () => import("./pages/admin/calls/Call.svelte"),
  },
  {
    path: "/admin/providers",
    title: "providers.title",
    audience: "admin",
    load: () => import("./pages/admin/providers/Providers.svelte"),
  },
  {
    path: "/admin/access",
    title: "access.title",
    audience: "admin",
    load: () => import("./pages/admin/access/Access.svelte"),
  },
  {
    path: "/admin/jobs",
    title: "jobs.title",
    audience: "admin",
    load: () => import("./pages/admin/jobs/Jobs.svelte"),
  },
  {
    path: "/admin/budgets",
    title: "budgets.title",
    audience: "admin",
    load: () => import("./pages/admin/budgets/Budgets.svelte"),
  },
  {
    path: "/admin/health",
    title: "health.title",
    audience: "admin",
    load: () => import("./pages/admin/health/Health.svelte"),
  },
  {
    path: "/admin",
    title: "dashboard.title",
    audience: "admin",
    load: () => import("./pages/admin/dashboard/Dashboard.svelte"),
  },
  {
    path: "/start",
    title: "start.title",
    audience: "user",
    load: () => import("./pages/start/Start.svelte"),
  },
];
