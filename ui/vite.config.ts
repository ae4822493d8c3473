import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

// In `demo` mode, and in `npm run dev`, the page runs in a plain browser against an organization in
// memory; the build for the app leaves that out.
export default defineConfig(({ mode }) => ({
  plugins: [svelte(), svelteTesting()],
  define: { __DEMO__: JSON.stringify(mode === "demo" || mode === "development") },
  server: { port: 1420, strictPort: true },
  build: {
    // The webviews of the systems that the app runs on: WebKitGTK 2.44, macOS 14, Edge.
    target: ["safari17.5", "edge123"],
    outDir: mode === "demo" ? "node_modules/.demo" : "dist",
    emptyOutDir: true,
    // Everything is read from the disk: one file each is quicker than many.
    chunkSizeWarningLimit: 800,
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.ts"],
    setupFiles: ["src/test/setup.ts"],
    restoreMocks: true,
  },
}));
