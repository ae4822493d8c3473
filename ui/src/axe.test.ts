// Accessibility of every page in every state. Rules that need a layout (contrast, sizes) have none
// here: contrast.test.ts computes the colours instead.
import axe from "axe-core";
import { screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { ORGANIZATION_PAGES } from "./lib/pages";
import { hashOf } from "./lib/route";
import { scenes } from "./scenes";
import { open } from "./test/open";
import { testids } from "./testids";

const PAGES = ["#/leads", "#/leads/lead_globex", "#/dial", "#/team", "#/settings", "#/profile"];

const IMPORT = hashOf({ page: "import", id: null });
const ORGANIZATION = ORGANIZATION_PAGES.map((page) => hashOf({ page }));

function pagesOf(scene: string): string[] {
  if (scene.startsWith("sign-in")) return [""];
  if (scene === "admin" || scene === "team-user") return [...PAGES, IMPORT, ...ORGANIZATION];
  return scene.startsWith("admin") ? ORGANIZATION : PAGES;
}

async function violations(): Promise<string[]> {
  const found = await axe.run(document, {
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Pages in which nothing was found. */
const clean = new Set<string>();

/** The page's markup, without what says how it is lit. */
function markup(): string {
  const page = document.documentElement.cloneNode(true) as HTMLElement;
  delete page.dataset["theme"];
  return page.outerHTML;
}

describe("pages", () => {
  const cases = Object.keys(scenes).flatMap((scene) =>
    pagesOf(scene).map((hash) => [scene, hash] as const),
  );

  it.each(cases)("%s %s has no violation, light or dark", async (scene, hash) => {
    document.documentElement.lang = "en";
    document.title = "Call Coaching";
    const { fake, app } = await open(scene, hash);
    await waitFor(() => expect(document.querySelector("main h1")).not.toBeNull());
    for (const theme of ["light", "dark"] as const) {
      fake.settingsNow = { ...fake.settingsNow, theme };
      app.settings = fake.settingsNow;
      await waitFor(() => expect(document.documentElement.dataset["theme"]).toBe(theme));
      // Without a layout the rules see nothing but markup: the same has the same violations.
      const page = markup();
      if (clean.has(page)) continue;
      expect(await violations()).toEqual([]);
      clean.add(page);
    }
  });
});

describe("an import", () => {
  it("has no violation while its columns are chosen, and when it's done", async () => {
    const { user } = await open("admin", IMPORT);
    const file = new File(["Company\n"], "leads.csv", { type: "text/csv" });
    await user.upload(await screen.findByTestId(testids.importInput), file);
    await screen.findByTestId(testids.importPlan);
    await screen.findAllByTestId(testids.importLine);
    expect(await violations()).toEqual([]);
    await user.click(screen.getByTestId(testids.importStart));
    await screen.findByTestId(testids.importUndo);
    expect(await violations()).toEqual([]);
  });
});

describe("what opens", () => {
  it.each([
    ["rep", testids.callInvite, testids.inviteSearch],
    ["rep", testids.callKeypad, testids.callKey("1")],
    ["rep-phone-poor", testids.callKeypad, testids.callKey("#")],
    ["team", testids.leadNumber, testids.leadNumberOption("external")],
  ])("%s: %s has no violation", async (scene, trigger, inside) => {
    const { user } = await open(scene, "#/leads/lead_globex");
    await waitFor(() => expect(screen.getByTestId(trigger).hasAttribute("disabled")).toBe(false));
    await user.click(screen.getByTestId(trigger));
    await screen.findByTestId(inside);
    expect(await violations()).toEqual([]);
  });

  it.each([
    ["#/members", testids.inviteMember, testids.inviteMemberDialog],
    ["#/members", testids.memberRole("Riley"), testids.memberRoleOption("Trainee")],
    ["#/members", testids.memberActive("Riley"), testids.confirm],
    ["#/roles", testids.roleNew, testids.roleDialog],
    ["#/roles", testids.roleDelete("Peer"), testids.confirm],
    ["#/groups", testids.groupEdit("Sales"), testids.groupDialog],
    ["#/numbers", testids.numberEdit("+15550001"), testids.numberDialog],
    ["#/outcomes", testids.outcomeEdit("Connected"), testids.outcomeDialog],
    ["#/plan", testids.planChoose("startup"), testids.confirm],
    ["#/usage", testids.usageTopUp, testids.usageTopUpDialog],
    ["#/leads/lead_globex", testids.recordingDelete, testids.confirm],
  ])("admin %s: %s has no violation", async (hash, trigger, inside) => {
    const { user } = await open("admin", hash);
    await user.click(await screen.findByTestId(trigger));
    await screen.findByTestId(inside);
    expect(await violations()).toEqual([]);
  });

  it("rep: what stays after a call has no violation", async () => {
    const { user } = await open("rep", "#/team");
    await user.click(await screen.findByTestId(testids.callHangup));
    await screen.findByTestId(testids.outcome("Connected"));
    expect(await violations()).toEqual([]);
  });

  it("home: the question before a link dials has no violation", async () => {
    const { fake } = await open("home", "#/team");
    await screen.findByTestId(testids.pageTeam);
    const link = { kind: "dial" as const, number: "+12125550199", extension: "42" };
    fake.here({ link: { number: 1, link } });
    await screen.findByTestId(testids.dialLink);
    expect(await violations()).toEqual([]);
  });

  it("settings: the list of microphones has no violation", async () => {
    const { user } = await open("team", "#/settings");
    await user.click(await screen.findByTestId(testids.settingsMicrophone));
    await screen.findByTestId(testids.settingsDeviceLevel("mic_2"));
    expect(await violations()).toEqual([]);
  });

  it("sign-in: the form of an invitation has no violation", async () => {
    const { fake, user } = await open();
    fake.as("Alex");
    const link = await fake.inviteMember({ role_id: "role_User", expires_in_hours: 24 });
    await fake.signOut();
    await user.click(await screen.findByTestId(testids.joinOpen));
    await user.type(await screen.findByTestId(testids.joinLink), link);
    expect(await violations()).toEqual([]);
    await user.click(screen.getByTestId(testids.joinLookUp));
    await screen.findByTestId(testids.joinOffer);
    expect(await violations()).toEqual([]);
  });

  it("finds a violation when there is one", async () => {
    document.body.innerHTML = "<main><h1>x</h1><img src='x.png'></main>";
    expect((await violations()).join()).toContain("image-alt");
  });
});
