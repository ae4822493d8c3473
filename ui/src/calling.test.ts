// Calling any number, and what comes after a call, as a rep meets them.
import { fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { Failure, route, type Dial } from "./backend";
import { LOOK_UP_AFTER_MS, pasted } from "./dialing.svelte";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const PATIENCE = { timeout: 20 * LOOK_UP_AFTER_MS };

/** A rep on a call, who hangs up. */
async function hungUp(hash = "#/team") {
  const opened = await open("rep", hash);
  await opened.user.click(await find(testids.callHangup));
  await find(testids.wrapUp);
  return opened;
}

describe("after a call", () => {
  it("l5: the bar stays with outcomes and a note on whatever page, and saves what is chosen", async () => {
    const { user, asked } = await hungUp();
    none(testids.callBar);
    expect(get(testids.pageTeam)).toBeTruthy();
    await user.click(await find(testids.outcome("Connected")));
    await user.type(get(testids.outcomeNote), "Wants a demo");
    await user.click(get(testids.wrapUpDone));
    await waitFor(() => none(testids.wrapUp));
    const said = asked(route.changeCall).map(([, patch]) => patch);
    expect(Object.assign({}, ...said)).toEqual({
      outcome_id: "outcome_connected",
      note: "Wants a demo",
    });
  });

  it("l5: it saves by itself, and can be dismissed without anything being said", async () => {
    const { user, asked } = await hungUp();
    await user.click(await find(testids.outcome("No answer")));
    await waitFor(() => expect(asked(route.changeCall)).toHaveLength(1), PATIENCE);
    await waitFor(() => expect(get(testids.wrapUpSaved).textContent).toBe("Saved"));
    get(testids.outcomeNote).focus();
    await user.keyboard("{Escape}");
    await waitFor(() => none(testids.wrapUp));
    expect(asked(route.changeCall)).toHaveLength(1);
  });

  it("l5: O goes to the outcomes and arrows choose among them", async () => {
    const { user } = await hungUp();
    await find(testids.outcome("Connected"));
    await user.keyboard("o");
    expect(document.activeElement).toBe(get(testids.outcome("Connected")));
    await user.keyboard(" ");
    expect(get(testids.outcome("Connected"))).toHaveProperty("checked", true);
    await user.keyboard("{Escape}");
    await waitFor(() => none(testids.wrapUp));
  });

  it("l5: the next call is not in its way, and takes what was written along", async () => {
    const { user, asked } = await hungUp("#/leads/lead_initech");
    await user.type(await find(testids.outcomeNote), "Call back");
    await user.click(await find(testids.leadCallPhone("+15557000203")));
    await find(testids.callBar);
    none(testids.wrapUp);
    await waitFor(() => expect(asked(route.changeCall)).toHaveLength(1));
    expect(asked(route.changeCall)[0]?.[1]).toEqual({ note: "Call back" });
  });

  it("l5: what could not be saved stays and can be tried again", async () => {
    const { fake, user, asked } = await hungUp();
    const away = new Failure({ code: "unavailable", message: "The service is away." });
    fake.refuse.set("CHANGE_CALL", away);
    await user.click(await find(testids.outcome("Connected")));
    await user.click(get(testids.wrapUpDone));
    await waitFor(() => expect(get(testids.wrapUpSaved).textContent).toBe("Not saved"));
    expect(get(testids.wrapUpDone).textContent).toBe("Try again");
    fake.refuse.clear();
    await user.click(get(testids.wrapUpDone));
    await waitFor(() => none(testids.wrapUp));
    expect(asked(route.changeCall).length).toBeGreaterThan(1);
  });

  it("l5: outcome and note are on the Lead page and can be edited there", async () => {
    const { user, asked } = await open("admin", "#/leads/lead_globex");
    const calls = await screen.findAllByTestId(testids.pastCall);
    const [newest] = calls;
    if (!newest) throw new Error("no past call");
    expect(within(newest).queryByTestId(testids.pastCallOutcome)).toBeNull();
    await user.click(within(newest).getByTestId(testids.pastCallEdit));
    await user.click(await find(testids.outcome("Connected")));
    await user.type(get(testids.outcomeNote), "Wants a demo");
    await user.click(get(testids.dialogSave));
    await waitFor(() => none(testids.pastCallDialog));
    expect((await find(testids.pastCallOutcome)).textContent).toContain("Connected");
    expect(get(testids.pastCallNote).textContent).toBe("Wants a demo");
    expect(asked(route.changeCall)).toHaveLength(1);
  });

  it("l5: a rep edits their own calls only", async () => {
    await open("home", "#/leads/lead_globex");
    const calls = await screen.findAllByTestId(testids.pastCall);
    const edits = screen.queryAllByTestId(testids.pastCallEdit);
    expect(edits.length).toBeLessThan(calls.length);
  });

  it("l5: admins edit the list of outcomes", async () => {
    const { user } = await open("admin", "#/outcomes");
    await find(testids.outcomeRow("Left voicemail"));
    await user.click(get(testids.outcomeNew));
    await user.type(await find(testids.outcomeName), "Demo booked");
    await user.click(get(testids.dialogSave));
    await find(testids.outcomeRow("Demo booked"));
    await user.click(get(testids.outcomeEdit("Demo booked")));
    await user.clear(await find(testids.outcomeName));
    await user.type(get(testids.outcomeName), "Demo");
    await user.click(get(testids.dialogSave));
    await find(testids.outcomeRow("Demo"));
    await user.click(get(testids.outcomeDelete("Demo")));
    await user.click(await find(testids.confirmYes));
    await waitFor(() => none(testids.outcomeRow("Demo")));
  });
});

describe("the dial pad", () => {
  it("l4: calls what is pressed, and goes to the new lead", async () => {
    const { user, asked, app } = await open("home", "#/dial");
    await find(testids.pageDial);
    for (const key of "2125550199") await user.click(get(testids.dialKey(key)));
    await user.click(get(testids.dialErase));
    await user.click(get(testids.dialKey("8")));
    expect(get(testids.dialNumber)).toHaveProperty("value", "2125550198");
    await screen.findByText("(212) 555-0198", undefined, PATIENCE);
    expect(get(testids.dialLookup).textContent).toContain("New lead");
    await user.click(get(testids.dialCall));
    await find(testids.callBar);
    const [request] = asked("placeCall")[0] ?? [];
    expect(request).toEqual({ local_phone_id: "phon_main", remote_phone: "2125550198" });
    expect(app.route).toEqual({ page: "lead", id: "lead_new" });
  });

  it("l4: says whose number it is while it is typed, and Enter calls it", async () => {
    const { user, asked } = await open("home", "#/dial");
    await user.type(await find(testids.dialNumber), "1 (555) 700-0100");
    await waitFor(() => expect(get(testids.dialLookup).textContent).toContain("Globex"), PATIENCE);
    await user.keyboard("{Enter}");
    await find(testids.callBar);
    expect(asked("placeCall")).toHaveLength(1);
  });

  it("l4: takes a pasted number with whatever is around it", async () => {
    for (const [text, number] of [
      [" (212) 555-0199\n", "(212) 555-0199"],
      ["tel:+1-212-555-0199", "+1-212-555-0199"],
      ["TEL://212.555.0199", "212.555.0199"],
      ["212\u00a0555\t0199", "212 555 0199"],
      ["1".repeat(500), "1".repeat(64)],
    ] as const) {
      expect(pasted(text)).toBe(number);
    }
    await open("home", "#/dial");
    const field = await find(testids.dialNumber);
    await fireEvent.paste(field, { clipboardData: { getData: () => "tel:+1-212-555-0199\n" } });
    await waitFor(() => expect(field).toHaveProperty("value", "+1-212-555-0199"));
  });

  it("l4: an emergency number can't be called, and it says why", async () => {
    const { user, asked } = await open("home", "#/dial");
    await user.type(await find(testids.dialNumber), "911");
    await waitFor(() => expect(get(testids.dialLookup).dataset["refused"]).toBe("true"), PATIENCE);
    expect(get(testids.dialLookup).textContent).toContain("emergency");
    expect(get(testids.dialCall)).toHaveProperty("disabled", true);
    expect(asked("placeCall")).toEqual([]);
  });

  it("l4: what the service refuses is said beside the number", async () => {
    const { fake, user } = await open("home", "#/dial");
    const message = "Your organization's balance is too low.";
    fake.refuse.set("placeCall", new Failure({ code: "insufficient_balance", message }));
    await user.type(await find(testids.dialNumber), "212 555 0199{Enter}");
    await waitFor(() => expect(get(testids.dialLookup).textContent).toContain(message));
    expect(get(testids.dialNumber)).toHaveProperty("value", "212 555 0199");
  });

  it("l4: nobody calls from it while they are on a call", async () => {
    await open("rep", "#/dial");
    await find(testids.pageDial);
    expect(await screen.findByText("You're on a call")).toBeTruthy();
    expect(get(testids.dialCall)).toHaveProperty("disabled", true);
  });
});

describe("a link that dials", () => {
  const link = (dial: Dial, number = 1) => ({
    link: { number, link: { kind: "dial" as const, ...dial } },
  });

  it("l4: asks first, whoever sent it, and calls only then", async () => {
    const { fake, user, asked } = await open("home", "#/team");
    await find(testids.pageTeam);
    fake.here(link({ number: "+12125550199", extension: "42" }));
    const dialog = await find(testids.dialLink);
    expect(dialog.textContent).toContain("+12125550199");
    expect(dialog.textContent).toContain("Extension 42");
    expect(asked("linkFollowed")).toEqual([[1]]);
    await within(dialog).findByText("(212) 555-0199", undefined, PATIENCE);
    expect(asked("placeCall")).toEqual([]);
    await user.click(get(testids.dialCall));
    await find(testids.callBar);
    none(testids.dialLink);
    expect(asked("placeCall")).toHaveLength(1);
  });

  it("l4: is dismissed without a call", async () => {
    const { fake, user, asked } = await open("home", "#/team");
    await find(testids.pageTeam);
    fake.here(link({ number: "2125550199", extension: null }));
    await find(testids.dialLink);
    await user.keyboard("{Escape}");
    await waitFor(() => none(testids.dialLink));
    expect(asked("placeCall")).toEqual([]);
  });

  it("l4: waits until somebody is signed in", async () => {
    const { fake } = await open("sign-in");
    await find(testids.signIn);
    fake.here(link({ number: "2125550199", extension: null }));
    expect(await screen.findByText("Sign in to make the call.")).toBeTruthy();
    none(testids.dialLink);
    fake.as("Riley");
    await find(testids.dialLink);
  });

  it("l4: the newest takes the place of one that was not answered", async () => {
    const { fake } = await open("home", "#/team");
    await find(testids.pageTeam);
    fake.here(link({ number: "2125550198", extension: null }));
    await find(testids.dialLink);
    fake.here(link({ number: "2125550199", extension: null }, 2));
    await waitFor(() => expect(get(testids.dialLink).textContent).toContain("2125550199"));
  });

  it("l4: one to an emergency number can't be called at all", async () => {
    const { fake } = await open("home", "#/team");
    await find(testids.pageTeam);
    fake.here(link({ number: "911", extension: null }));
    const dialog = await find(testids.dialLink);
    await waitFor(() => expect(dialog.textContent).toContain("emergency"), PATIENCE);
    expect(get(testids.dialCall)).toHaveProperty("disabled", true);
  });
});
