import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// The index of the icons names four thousand modules, and each build and each test file would read them
// all: every icon is imported from its own module instead.
const icons: Plugin = {
  name: "icons",
  enforce: "post",
  transform: (code) =>
    code.replace(/^\s*import \{([^}]+)\} from ["']@lucide\/svelte["'];?/gm, (_, names: string) =>
      names
        .split(",")
        .map((name) => name.trim())
        .filter(Boolean)
        .map((name) => `import ${name} from "@lucide/svelte/icons/${fileOf(name)}";`)
        .join(" "),
    ),
};

/** `Trash2` is in `trash-2`, `PhoneOff` in `phone-off`. */
function fileOf(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]|(?<=[a-z])[0-9]/g, "-$&").toLowerCase();
}

// In `demo` mode, and in `npm run dev`, the page runs in a plain browser against an organization in
// memory; the build for the app leaves that out.
export default defineConfig(({ mode }) => ({
  plugins: [svelte(), svelteTesting(), icons],
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
    testTimeout: 30_000,
  },
}));
