// Accessibility of every page in every state. Rules that need a layout (contrast, sizes) have none
// here: contrast.test.ts computes the colours instead.
import axe from "axe-core";
import { screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { scenes } from "./scenes";
import { open } from "./test/open";
import { testids } from "./testids";

const PAGES = ["#/leads", "#/leads/lead_globex", "#/team", "#/settings"];

async function violations(): Promise<string[]> {
  const found = await axe.run(document, {
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

describe.each(["light", "dark"] as const)("in %s", (theme) => {
  const cases = Object.keys(scenes).flatMap((scene) =>
    (scene.startsWith("sign-in") ? [""] : PAGES).map((hash) => [scene, hash] as const),
  );

  it.each(cases)("%s %s has no violation", async (scene, hash) => {
    document.documentElement.lang = "en";
    document.title = "Call Coaching";
    const { fake, app } = await open(scene, hash);
    fake.settingsNow = { ...fake.settingsNow, theme };
    app.settings = fake.settingsNow;
    await waitFor(() => expect(document.querySelector("main h1")).not.toBeNull());
    await waitFor(() => expect(document.documentElement.dataset["theme"]).toBe(theme));
    expect(await violations()).toEqual([]);
  });
});

describe("what opens", () => {
  it.each([
    ["rep", testids.callInvite, testids.inviteSearch],
    ["rep", testids.callKeypad, testids.callKey("1")],
    ["team", testids.leadNumber, testids.leadNumberOption("external")],
  ])("%s: %s has no violation", async (scene, trigger, inside) => {
    const { user } = await open(scene, "#/leads/lead_globex");
    await waitFor(() => expect(screen.getByTestId(trigger).hasAttribute("disabled")).toBe(false));
    await user.click(screen.getByTestId(trigger));
    await screen.findByTestId(inside);
    expect(await violations()).toEqual([]);
  });

  it("finds a violation when there is one", async () => {
    document.body.innerHTML = "<main><h1>x</h1><img src='x.png'></main>";
    expect((await violations()).join()).toContain("image-alt");
  });
});
