/** Every page, in the order of the navigation. A new page is a folder with a `page.ts`, and its name here. */
import { access } from "./admin/access/page";
import { budgets } from "./admin/budgets/page";
import { calls } from "./admin/calls/page";
import { dashboard } from "./admin/dashboard/page";
import { health } from "./admin/health/page";
import { jobs } from "./admin/jobs/page";
import { providers } from "./admin/providers/page";
import { home } from "./home/page";
import { recordings } from "./recordings/page";
import { search } from "./search/page";
import { settings } from "./settings/page";
import { signIn } from "./sign-in/page";
import { start } from "./start/page";
import { usage } from "./usage/page";

export const PAGES = [
  signIn,
  home,
  recordings,
  search,
  usage,
  start,
  settings,
  dashboard,
  calls,
  providers,
  access,
  budgets,
  jobs,
  health,
];

/** The keys of all pages' messages: the type of a page's title is every key of its folder. */
export type PageKey = (typeof PAGES)[number]["title"];

export const ROUTES = PAGES.flatMap((page) =>
  Object.entries(page.routes).map(([path, load]) => ({ path, load, page })),
);
export type Route = (typeof ROUTES)[number];
