import { fileURLToPath } from "node:url";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

import { compressed } from "./compressed";
import { messages } from "./messages";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** False for large packages that only a few pages need. */
const isShared = (id: string) => !/node_modules[\\/](uplot|tus-js-client|@noble)[\\/]/.test(id);

export default defineConfig({
  plugins: [svelte(), messages(here("src")), compressed()],
  resolve: {
    alias: { $components: here("src/components"), $lib: here("src/lib"), $pages: here("src/pages") },
  },
  build: {
    outDir: here("../src/daybook/web/built"),
    emptyOutDir: true,
    target: "es2023",
    // The pages' policy allows no data: scripts or styles, and a request on the same connection is cheap.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // All styles are 6 kB compressed, and code shared by several pages is one file: a page waits for a few
    // requests instead of forty.
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: "shared", test: isShared, minShareCount: 2 }] },
      },
    },
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8400", "/v1": "http://127.0.0.1:8400" } },
});
