// The lead's phone as the rep meets it: how it is heard, what the lead presses, and the rep's own keys.
import { fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";
import { Failure, route } from "./backend";
import type { FakeBackend } from "./backend.fake";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const FIGURES = { jitter_ms: 12, lost_permille: 4, round_trip_ms: 84 };

const myCall = (fake: FakeBackend): string => fake.viewNow.my_call?.call.id ?? "";

function presses(fake: FakeBackend, keys: string, call_id = myCall(fake)): void {
  for (const key of keys) fake.tell("leadKey", { call_id, key });
}

describe("the quality of the lead's phone", () => {
  it("is told in words and figures, and by more than a colour", async () => {
    const { fake } = await open("rep", "#/team");
    await find(testids.callBar);
    fake.tell("leadQuality", { call_id: myCall(fake), ...FIGURES });
    const line = await find(testids.callPhone);
    expect(line.textContent.trim()).toBe(
      "Phone: good · 12 ms jitter · 0.4% lost · 84 ms round trip",
    );
    expect([line.dataset["grade"], line.querySelectorAll("rect.on").length]).toEqual(["good", 3]);
    fake.tell("leadQuality", { call_id: myCall(fake), ...FIGURES, lost_permille: 61 });
    await waitFor(() => expect(get(testids.callPhone).dataset["grade"]).toBe("poor"));
    expect(get(testids.callPhone).textContent).toContain("Phone: poor · ");
    expect(get(testids.callPhone).querySelectorAll("rect.on")).toHaveLength(1);
  });

  it("is not shown before it was told, and the line that it comes into is there", async () => {
    const { fake } = await open("rep", "#/team");
    const number = await screen.findByText("+1 555 700 0100", { selector: ".number" });
    none(testids.callPhone);
    const line = number.parentElement;
    fake.tell("leadQuality", { call_id: myCall(fake), ...FIGURES });
    expect((await find(testids.callPhone)).parentElement).toBe(line);
  });

  it("is that of this call only, and goes with it", async () => {
    const { fake, user } = await open("rep", "#/leads/lead_initech");
    await find(testids.callBar);
    fake.tell("leadQuality", { call_id: "acti_other", ...FIGURES });
    presses(fake, "5", "acti_other");
    fake.tell("microphoneLevel", { level_dbov: -30 });
    const meter = within(get(testids.callBar)).getByRole("meter");
    await waitFor(() => expect(meter.getAttribute("aria-valuenow")).toBe("50"));
    none(testids.callPhone);
    expect(get(testids.callLeadKeys).textContent).toBe("");
    fake.tell("leadQuality", { call_id: myCall(fake), ...FIGURES });
    await find(testids.callPhone);
    await user.click(get(testids.callHangup));
    await waitFor(() => none(testids.callBar));
    const before = fake.viewNow.calls.length;
    await user.click(await find(testids.leadCallPhone("+15557000203")));
    await find(testids.callBar);
    expect(fake.viewNow.calls).toHaveLength(before + 1);
    none(testids.callPhone);
  });

  it("is not known while nothing can be told", async () => {
    const { fake } = await open("rep-phone", "#/team");
    await find(testids.callPhone);
    fake.at("riley/rep-recorded-resuming");
    await waitFor(() => none(testids.callPhone));
    fake.at("riley/rep-recorded");
    await waitFor(() => expect(get(testids.bannerConnection).dataset["connection"]).toBe("back"));
    none(testids.callPhone);
  });
});

describe("keys that the lead presses", () => {
  it("are collected, at most the last eight, and said to those who do not see them", async () => {
    const { fake } = await open("rep", "#/team");
    const said = await find(testids.callLeadKeys);
    expect([said.getAttribute("aria-live"), said.textContent]).toEqual(["polite", ""]);
    presses(fake, "5");
    await waitFor(() => expect(said.textContent).toBe("The lead pressed 5"));
    presses(fake, "3#");
    await waitFor(() => expect(said.textContent).toBe("The lead pressed 5 3 #"));
    presses(fake, "123456");
    await waitFor(() => expect(said.textContent).toBe("The lead pressed 3 # 1 2 3 4 5 6"));
  });

  it("go some seconds after the last of them", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: false });
    try {
      const { fake } = await open("rep", "#/team");
      await vi.waitFor(() => get(testids.callLeadKeys));
      const text = () => get(testids.callLeadKeys).textContent;
      presses(fake, "5");
      await vi.advanceTimersByTimeAsync(4_000);
      presses(fake, "6");
      await vi.advanceTimersByTimeAsync(4_000);
      expect(text()).toBe("The lead pressed 5 6");
      await vi.advanceTimersByTimeAsync(2_000);
      expect(text()).toBe("");
      presses(fake, "7");
      await vi.advanceTimersByTimeAsync(0);
      expect(text()).toBe("The lead pressed 7");
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("the keypad", () => {
  async function opened(scene = "rep") {
    const opened = await open(scene, "#/team");
    await opened.user.click(await find(testids.callKeypad));
    const keys = (await find(testids.callKey("1"))).closest("[role=dialog]");
    await waitFor(() => expect(keys?.contains(document.activeElement)).toBe(true));
    return opened;
  }
  const sent = () => screen.getByLabelText("Sent").textContent.trim();

  it("has each key of a phone, to click and on the keyboard, and shows what was sent", async () => {
    const { user, asked } = await opened();
    await user.click(get(testids.callKey("*")));
    await user.click(get(testids.callKey("0")));
    await user.keyboard("1234567890*#");
    await waitFor(() => expect(asked("dtmf").flat().join("")).toBe("*01234567890*#"));
    await waitFor(() => expect(sent()).toBe("*01234567890*#"));
  });

  it("leaves letters, shortcuts and a key that repeats itself alone", async () => {
    const { user, asked } = await opened();
    await user.keyboard("am{Control>}1{/Control}{Alt>}2{/Alt}{7>3/}");
    await waitFor(() => expect(sent()).toBe("7"));
    expect(asked("dtmf")).toEqual([["7"]]);
    expect(asked("mute")).toEqual([]);
  });

  it("sends one request at a time, so that no key overtakes another", async () => {
    const { fake, user } = await opened();
    const answers: (() => void)[] = [];
    const digits: string[] = [];
    fake.dtmf = (now: string) => {
      digits.push(now);
      return new Promise((done) => answers.push(() => done(null)));
    };
    await user.keyboard("12");
    await user.keyboard("3");
    expect([digits, sent()]).toEqual([["1"], ""]);
    answers[0]?.();
    await waitFor(() => expect(digits).toEqual(["1", "23"]));
    expect(sent()).toBe("1");
    answers[1]?.();
    await waitFor(() => expect(sent()).toBe("123"));
  });

  it("says when a key was refused, shows it not as sent, and can be used again", async () => {
    const { fake, user, asked } = await opened();
    fake.refuse.set("dtmf", new Failure({ code: "call_ended", message: "The call is over." }));
    await user.keyboard("4");
    expect((await find(testids.toast)).textContent).toContain("The call is over.");
    expect(sent()).toBe("");
    fake.refuse.clear();
    await user.keyboard("5");
    await waitFor(() => expect(sent()).toBe("5"));
    expect(asked("dtmf")).toEqual([["4"], ["5"]]);
  });

  it("is closed, and nothing can be done to the call, once the call is being ended", async () => {
    const { fake } = await opened();
    fake.confirms = false;
    await fake.hangUp();
    await waitFor(() => none(testids.callKey("1")));
    for (const id of [testids.callKeypad, testids.callHold, testids.callMute]) {
      expect(get(id)).toHaveProperty("disabled", true);
    }
    // Where the service did not hear it, it is hung up again.
    expect(get(testids.callHangup)).toHaveProperty("disabled", false);
    await fireEvent.keyDown(window, { key: "m" });
    expect(fake.asked.filter(([name]) => name === "mute")).toEqual([]);
  });

  it("waits for the lead's answer, as holding does; muting does not", async () => {
    const { fake } = await open("rep-ringing", "#/team");
    expect(await find(testids.callKeypad)).toHaveProperty("disabled", true);
    expect(get(testids.callHold)).toHaveProperty("disabled", true);
    expect(get(testids.callMute)).toHaveProperty("disabled", false);
    fake.answered();
    await waitFor(() => expect(get(testids.callKeypad)).toHaveProperty("disabled", false));
    expect(get(testids.callHold)).toHaveProperty("disabled", false);
  });
});

describe("hold and mute", () => {
  it("are put on and taken off again, each by itself", async () => {
    const { user, asked } = await open("rep", "#/team");
    const hold = await find(testids.callHold);
    const mute = get(testids.callMute);
    const labels = () => [hold.getAttribute("aria-label"), mute.getAttribute("aria-label")];
    expect(labels()).toEqual(["Hold", "Mute the microphone"]);
    await user.click(hold);
    await user.click(mute);
    await waitFor(() => expect(labels()).toEqual(["Take off hold", "Unmute the microphone"]));
    expect(get(testids.callBar).textContent).toContain("On hold");
    await user.click(hold);
    await waitFor(() => expect(get(testids.callBar).dataset["status"]).toBe("in-progress"));
    expect(labels()).toEqual(["Hold", "Unmute the microphone"]);
    // The lead would hear: a single key does not do it.
    await user.keyboard("m");
    expect((await find(testids.toast)).textContent).toContain("You're still muted. Press Alt M");
    await user.keyboard("{Alt>}m{/Alt}");
    await waitFor(() => expect(labels()).toEqual(["Hold", "Mute the microphone"]));
    await user.keyboard("m");
    await waitFor(() => expect(labels()).toEqual(["Hold", "Unmute the microphone"]));
    expect([asked("hold"), asked("mute")]).toEqual([
      [[true], [false]],
      [[true], [false], [true]],
    ]);
  });
});

describe("what became of a call", () => {
  it.each([
    ["busy", "declined", "Declined"],
    ["busy", "busy", "Busy"],
    ["failed", "network_failed", "Failed · the phone network failed"],
    ["completed", "lead_lost", "Completed · 6:24 · lost connection to the phone"],
  ] as const)("%s by %s reads %s in the lead's activity", async (status, hangup_cause, words) => {
    const { fake, app } = await open("team", "#/settings");
    fake.edit(route.listCalls, ({ data: [call], ...page }) => {
      if (!call) throw new Error("there is no past call");
      const duration = status === "completed" ? call.duration : 0;
      const ended = { status, hangup_cause, duration, coach_legs: [], recording: null };
      return { ...page, data: [{ ...call, ...ended }] };
    });
    app.go({ page: "lead", id: "lead_globex" });
    const activity = await find(testids.leadActivity);
    await waitFor(() => expect(activity.textContent).toContain(words));
  });
});
