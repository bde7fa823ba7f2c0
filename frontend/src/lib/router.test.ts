import { visit, dispatch } from "../test-browser";

import { beforeEach, describe, expect, test } from "vitest";

import { followLinks, go, here, match, setQuery } from "./router.svelte";

const ROUTES = [
  { path: "/" },
  { path: "/recordings" },
  { path: "/recordings/:id" },
  { path: "/admin/calls/:id" },
];

beforeEach(() => go("/", { replace: true }));

describe("match", () => {
  test.each([
    ["/", "/", {}],
    ["/recordings", "/recordings", {}],
    ["/recordings/", "/recordings", {}],
    ["/recordings/7", "/recordings/:id", { id: "7" }],
    ["/admin/calls/a%20b", "/admin/calls/:id", { id: "a b" }],
  ])("finds %s", (path, route, params) => {
    expect(match(ROUTES, path)).toEqual({ route: { path: route }, params });
  });

  test.each(["/nowhere", "/recordings/7/8", "/admin/calls"])("finds no route for %s", (path) => {
    expect(match(ROUTES, path)).toBeNull();
  });

  test("finds no route for an address that cannot be decoded", () => {
    expect(match(ROUTES, "/recordings/%E0%A4%A")).toBeNull();
  });
});

describe("the address", () => {
  test("changes with its query", () => {
    go("/search?q=lake");

    expect(here().path).toBe("/search");
    expect(here().query.get("q")).toBe("lake");
    expect(history.pushState).toHaveBeenLastCalledWith(null, "", "/search?q=lake");
  });

  test("keeps the other parameters when some are set or removed", () => {
    go("/admin/calls?model=a&page=2");
    setQuery({ page: null, status: "error" });

    expect(Object.fromEntries(here().query)).toEqual({ model: "a", status: "error" });
    expect(history.replaceState).toHaveBeenLastCalledWith(null, "", "/admin/calls?model=a&status=error");
  });

  test("has no question mark without parameters", () => {
    go("/search?q=lake");
    setQuery({ q: null });

    expect(history.replaceState).toHaveBeenLastCalledWith(null, "", "/search");
  });
});

describe("links", () => {
  const click = (address: string, more: object = {}, attributes: object = {}) => {
    const url = new URL(address, location.origin);
    const link = {
      ...{ target: "", origin: url.origin, pathname: url.pathname, search: url.search, hash: url.hash },
      ...{ hasAttribute: (name: string) => name in attributes, ...attributes },
    };
    const event = Object.assign(new Event("click", { cancelable: true }), { button: 0, ...more });
    Object.defineProperty(event, "target", { value: { closest: () => link } });
    dispatch(event);
    return event.defaultPrevented;
  };

  test("within the pages change the page without loading it", () => {
    const stop = followLinks();

    expect(click("/usage?days=7")).toBe(true);
    expect(here().path).toBe("/usage");
    expect(here().query.get("days")).toBe("7");
    stop();
    expect(click("/settings")).toBe(false);
  });

  test.each([
    ["another site", "https://elsewhere.test/", {}, {}],
    ["the API", "/api/v1/recordings/7/file", {}, {}],
    ["the gateway", "/v1/models", {}, {}],
    ["a part of the page", "/#main", {}, {}],
    ["a new tab", "/usage", { ctrlKey: true }, {}],
    ["another window", "/usage", {}, { target: "_blank" }],
    ["a download", "/usage", {}, { download: "" }],
  ])("to %s are left to the browser", (_, address, more, attributes) => {
    const stop = followLinks();

    expect(click(address, more, attributes)).toBe(false);
    expect(here().path).toBe("/");
    stop();
  });

  test("backwards in the history show the earlier address", () => {
    const stop = followLinks();
    go("/usage");
    visit("/search");
    dispatch(new Event("popstate"));

    expect(here().path).toBe("/search");
    stop();
  });
});
