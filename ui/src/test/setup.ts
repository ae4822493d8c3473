import { afterEach } from "vitest";
import { cleanup, configure } from "@testing-library/svelte";

// A failure names what was expected; the whole document beside it hides that.
// A page is waited for with patience: `make test` builds beside these tests.
configure({
  asyncUtilTimeout: 10_000,
  getElementError: (message) => new Error(message ?? "not found"),
});

afterEach(() => {
  cleanup();
  location.hash = "";
  document.documentElement.dataset.theme = "system";
});
