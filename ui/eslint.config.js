import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

export default ts.config(
  { ignores: ["dist/", "node_modules/", "src/bindings.ts"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, __DEMO__: "readonly" } },
    rules: {
      "no-undef": "off",
      "@typescript-eslint/consistent-type-imports": "error",
      // The shell is reached in one place only.
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["@tauri-apps/*"], message: "Only backend.ts talks to the shell." },
            { group: ["**/bindings"], message: "Only backend.ts knows the generated bindings." },
          ],
        },
      ],
      "no-restricted-globals": ["error", "fetch", "localStorage", "alert", "confirm"],
      // Maps here are made anew and never changed afterwards.
      "svelte/prefer-svelte-reactivity": "off",
      "svelte/no-navigation-without-resolve": "off",
    },
  },
  { files: ["src/backend.ts"], rules: { "no-restricted-imports": "off" } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: {
      parserOptions: { parser: ts.parser, extraFileExtensions: [".svelte"], svelteConfig },
    },
  },
);
