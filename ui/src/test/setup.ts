import { afterEach } from "vitest";
import { cleanup, configure } from "@testing-library/svelte";

// A failure names what was expected; the whole document beside it hides that.
configure({ getElementError: (message) => new Error(message ?? "not found") });

afterEach(() => {
  cleanup();
  location.hash = "";
  document.documentElement.dataset.theme = "system";
});
