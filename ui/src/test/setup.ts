import { afterEach } from "vitest";
import { cleanup } from "@testing-library/svelte";

afterEach(() => {
  cleanup();
  location.hash = "";
  document.documentElement.dataset.theme = "system";
});
