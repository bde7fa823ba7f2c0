import "../test-browser";

import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { expect, test, vi } from "vitest";

import { ADMIN, OWN, currentOf } from "$components/shell/navigation";
import { match } from "$lib/router.svelte";

import { PAGES, ROUTES } from ".";

// The real module has thousands of icons.
vi.mock(
  "@lucide/svelte",
  () => new Proxy({}, { has: () => true, get: (_, name) => (name === "then" ? undefined : name) }),
);

const SOURCES = dirname(import.meta.dirname);
const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" });

test("every page.ts is announced, and its components are there", () => {
  const folders = files.filter((path) => path.endsWith("page.ts") && path.startsWith("pages/"));
  expect(PAGES).toHaveLength(folders.length);

  const shown = folders.flatMap((path) =>
    [...readFileSync(join(SOURCES, path), "utf8").matchAll(/import\("\.\/(.+?)"\)/g)].map(([, name]) =>
      join(dirname(path), name ?? ""),
    ),
  );
  expect(shown).toHaveLength(ROUTES.length);
  expect(shown.filter((path) => !files.includes(path))).toEqual([]);
});

test("every component in pages is the page of an address", () => {
  const source = files
    .filter((path) => path.endsWith("page.ts"))
    .map((path) => readFileSync(join(SOURCES, path), "utf8"))
    .join();
  const components = files.filter(
    (path) => path.startsWith("pages/") && path.endsWith(".svelte") && !path.endsWith("NotFound.svelte"),
  );
  expect(components.filter((path) => !source.includes(`import("./${path.split("/").at(-1)}")`))).toEqual([]);
});

test("each address leads to its own page", () => {
  for (const route of ROUTES) expect(match(ROUTES, route.path.replace(":id", "7"))?.route).toBe(route);
});

test("the navigation has the pages of its audience, in order", () => {
  expect(OWN.map(({ path }) => path)).toEqual([
    "/",
    "/recordings",
    "/search",
    "/usage",
    "/start",
    "/settings",
  ]);
  expect(ADMIN.map(({ path }) => path.replace("/admin/", ""))).toEqual([
    ...["/admin", "calls", "providers", "access", "budgets", "jobs", "health"],
  ]);
});

test.each([
  ["/", "/"],
  ["/recordings/7", "/recordings"],
  ["/admin", "/admin"],
  ["/admin/calls/7", "/admin/calls"],
  ["/recordingsother", undefined],
])("the current entry of %s is %s", (path, entry) => {
  expect(currentOf([...OWN, ...ADMIN], path)?.path).toBe(entry);
});

test("no import climbs to another folder", () => {
  const sources = files.filter((path) => /\.(ts|svelte)$/.test(path) && !path.endsWith(".test.ts"));
  expect(
    sources.filter((path) => /(from|import) "\.\.\//.test(readFileSync(join(SOURCES, path), "utf8"))),
  ).toEqual([]);
});

test("components have at most 250 lines", () => {
  const components = files.filter((path) => path.endsWith(".svelte"));
  expect(components.length).toBeGreaterThan(50);
  expect(
    components.filter((path) => readFileSync(join(SOURCES, path), "utf8").split("\n").length > 251),
  ).toEqual([]);
});
