// The app as a person meets it, on the organization in memory.
import { fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";
import { Failure, route } from "./backend";
import { userId } from "./backend.fake";
import { AUDIBLE_HOLD_MS } from "./lib/keys";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const leadsOf = (query: string) => [{ query, _limit: 50 }];
const muted = <T extends { muted: boolean } | null>(coaching: T): T =>
  coaching && { ...coaching, muted: true };
const fireKey = (type: string, key: string, more: KeyboardEventInit = {}) =>
  window.dispatchEvent(
    new KeyboardEvent(type, { key, code: `Key${key.toUpperCase()}`, bubbles: true, ...more }),
  );
const happy = (window as unknown as { happyDOM: { setViewport(size: { width: number }): void } })
  .happyDOM;
const checked = (id: string) => get(id).getAttribute("aria-checked") === "true";

describe("sign in", () => {
  it("is one click for a demo user", async () => {
    const { user, asked } = await open();
    await user.click(await find(testids.signInDemo("riley@demo.example")));
    expect(asked("signInDemo")).toEqual([["riley@demo.example"]]);
    expect(await find(testids.pageLeads)).toBeTruthy();
    expect(get(testids.me).textContent).toContain("Riley Reed");
  });

  it("waits for the service that is starting, and says when it failed", async () => {
    const { fake } = await open("sign-in-starting");
    const button = await find(testids.signInDemo("riley@demo.example"));
    expect(button).toHaveProperty("disabled", true);
    expect(get(testids.signInStarting).textContent).toContain("Starting");
    fake.shell("demo-failed");
    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("port 8080"));
    fake.shell("demo");
    await waitFor(() => expect(button).toHaveProperty("disabled", false));
  });

  it("takes a server, an e-mail and a password, and tells an error at the form", async () => {
    const { user, asked } = await open("sign-in-first");
    await user.click(await find(testids.firstServer));
    await user.type(await find(testids.signInUrl), "https://coaching.example.com");
    await user.type(get(testids.signInEmail), "morgan@demo.example");
    await user.type(get(testids.signInPassword), "wrong");
    await user.click(get(testids.signInSubmit));
    expect((await find(testids.signInError)).getAttribute("role")).toBe("alert");
    const server = { kind: "server", url: "https://coaching.example.com" };
    expect(asked("choosePlace")).toEqual([[server]]);
    await user.clear(get(testids.signInPassword));
    await user.type(get(testids.signInPassword), "demo-password");
    await user.click(get(testids.signInSubmit));
    expect(await find(testids.pageLeads)).toBeTruthy();
    expect(asked("choosePlace")).toEqual([[server]]);
  });

  it("shows no error of an earlier try beside a new one", async () => {
    const { fake, user } = await open();
    const demo = await find(testids.signInDemo("riley@demo.example"));
    fake.refuse.set("signInDemo", new Failure({ code: "internal", message: "The first error." }));
    fake.tell("message", {
      kind: "error",
      code: null,
      message: "Your session has expired.",
      stays: false,
    });
    await find(testids.toast);
    await user.click(demo);
    expect((await find(testids.signInError)).textContent).toContain("The first error.");
    const alerts = () => screen.getAllByRole("alert").map(({ textContent }) => textContent.trim());
    expect(alerts()).toEqual(["The first error."]);
    fake.shell("demo-failed");
    await waitFor(() => expect(alerts()).toHaveLength(1));
    expect(alerts()[0]).toContain("port 8080");
    // By a link and back, nothing old is left either.
    fake.shell("demo");
    await user.click(get(testids.signInDemo("riley@demo.example")));
    await find(testids.signInError);
    await user.click(get(testids.joinOpen));
    await user.click(await find(testids.joinBack));
    await find(testids.signInDemo("riley@demo.example"));
    expect(screen.queryAllByRole("alert")).toEqual([]);
  });

  it("says that a kept one is being resumed", async () => {
    await open("sign-in-resuming");
    expect((await find(testids.signInResuming)).textContent).toContain("Signing you in again");
    none(testids.signInDemo("riley@demo.example"));
  });

  it("says when it is for this run only", async () => {
    const { fake } = await open("not-kept");
    expect((await find(testids.notKept)).textContent).toContain("save your sign-in");
    fake.at("morgan/team");
    await waitFor(() => none(testids.notKept));
  });

  it("says why the app could not start", async () => {
    const { fake, app } = await open();
    fake.refuse.set("view", new Failure({ code: "internal", message: "No view." }));
    await app.start();
    expect((await screen.findByRole("alert")).textContent).toContain("No view.");
  });
});

describe("the connection", () => {
  it("is told when it is lost, and when it is back", async () => {
    const { fake } = await open("team", "#/team");
    await find(testids.pageTeam);
    none(testids.bannerConnection);
    fake.at("morgan/team-resuming");
    expect((await find(testids.bannerConnection)).dataset["connection"]).toBe("resuming");
    fake.at("morgan/team");
    await waitFor(() => expect(get(testids.bannerConnection).dataset["connection"]).toBe("back"));
  });

  it("tells what the shell tells, as an alert when it is an error", async () => {
    const { fake, user } = await open("team");
    fake.tell("message", {
      kind: "error",
      code: "plan_required",
      message: "The plan was changed.",
      stays: false,
    });
    const toast = await find(testids.toast);
    expect(toast.getAttribute("role")).toBe("alert");
    await user.click(within(toast).getByRole("button"));
    await waitFor(() => none(testids.toast));
  });

  it("keeps what happened during an outage until it is dismissed", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: false });
    try {
      const { fake } = await open("team");
      const say = (message: string, stays: boolean): void =>
        fake.tell("message", { kind: "error", code: null, message, stays });
      say("The call ended.", true);
      say("The plan was changed.", false);
      await vi.waitFor(() => expect(screen.getAllByTestId(testids.toast)).toHaveLength(2));
      await vi.advanceTimersByTimeAsync(60_000);
      expect(screen.getAllByTestId(testids.toast)).toHaveLength(1);
      const toast = get(testids.toast);
      expect(toast.textContent).toContain("The call ended.");
      await fireEvent.click(within(toast).getByRole("button"));
      await vi.waitFor(() => none(testids.toast));
    } finally {
      vi.useRealTimers();
    }
  });

  it("keeps what stays when newer messages come, and when it is said once more", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: false });
    try {
      const { app } = await open("team");
      const said = (): string[] => app.toasts.map(({ message }) => message);
      app.say("error", "The call ended.", true);
      for (let at = 1; at <= 6; at += 1) app.say("info", `Short ${at}`);
      expect(said()).toEqual(["The call ended.", "Short 4", "Short 5", "Short 6"]);
      app.say("error", "Sign-in failed.");
      app.say("error", "The call ended.");
      app.unsayErrors();
      expect(said()).toEqual(["Short 5", "Short 6", "The call ended."]);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(said()).toEqual(["The call ended."]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("keeps only the newest of many messages that stay, and one short one beside them", async () => {
    const { app } = await open("team");
    for (let at = 1; at <= 10; at += 1) app.say("error", `Lasting ${at}`, true);
    app.say("info", "Short 1");
    app.say("info", "Short 2");
    expect(app.toasts.map(({ message }) => message)).toEqual([
      ...Array.from({ length: 8 }, (_, at) => `Lasting ${at + 3}`),
      "Short 2",
    ]);
  });
});

describe("leads", () => {
  it("are searched when the typing pauses", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: false });
    try {
      const { asked } = await open("team", "#/leads");
      await vi.waitFor(() => get(testids.leadRow("Globex")));
      const field = get(testids.leadSearch);
      await fireEvent.input(field, { target: { value: "ho" } });
      await fireEvent.input(field, { target: { value: "hool" } });
      expect(asked(route.listLeads).at(-1)).toEqual(leadsOf(""));
      await vi.advanceTimersByTimeAsync(200);
      const all = JSON.stringify(leadsOf(""));
      const narrowed = asked(route.listLeads).filter((given) => JSON.stringify(given) !== all);
      expect(narrowed).toEqual([leadsOf("hool")]);
      await vi.waitFor(() => none(testids.leadRow("Globex")));
      expect(get(testids.leadRow("Hooli"))).toBeTruthy();
    } finally {
      vi.useRealTimers();
    }
  });

  it("say what went wrong, and can be tried again", async () => {
    const { fake, user } = await open("error", "#/leads");
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("The service does not answer.");
    fake.refuse.clear();
    await user.click(within(alert).getByRole("button"));
    expect(await find(testids.leadRow("Globex"))).toBeTruthy();
  });

  it("w2: a call in progress shows its rep, price and Listen", async () => {
    const { user, asked, fake } = await open("team", "#/leads/lead_globex");
    const listen = await find(testids.leadListen);
    expect(get(testids.leadCalls).textContent).toContain("Riley Reed");
    expect(get(testids.leadCalls).textContent).toContain("$0.0040 per minute");
    await user.click(listen);
    expect(asked("join")).toEqual([[fake.viewNow.calls[0]?.id, null]]);
    expect((await find(testids.coachingBar)).dataset["mode"]).toBe("listen");
  });

  it("are called from the number that was chosen, internal when none was", async () => {
    const { user, asked } = await open("team", "#/leads/lead_initech");
    await user.click(await find(testids.leadCallPhone("+15557000203")));
    expect(asked("placeCall")[0]?.[0]).toMatchObject({
      local_phone_id: "phon_main",
      lead_id: "lead_initech",
      remote_phone: "+15557000203",
    });
    expect((await find(testids.callStatus)).textContent).toContain("Ringing");
  });

  it("show the modes of the coaches of past calls", async () => {
    await open("team", "#/leads/lead_globex");
    const activity = await find(testids.leadActivity);
    await waitFor(() => expect(activity.textContent).toContain("6:24"));
    expect(activity.textContent).toMatch(/Morgan Moss\s*Listen\s*Whisper\s*Barge/);
    expect(activity.textContent).toContain("No answer");
  });
});

describe("team", () => {
  it("w1 and j1: shows who is on a call, Listen, or why not", async () => {
    const { user, asked } = await open("team", "#/team");
    expect((await find(testids.teamRow("Riley"))).textContent).toContain("Globex");
    expect(get(testids.teamReason("Sam")).textContent).toContain("inbound call");
    expect(get(testids.teamListen("Sam")).getAttribute("aria-disabled")).toBe("true");
    await user.click(get(testids.teamListen("Sam")));
    expect(asked("join")).toEqual([]);
    await user.click(get(testids.teamListen("Riley")));
    expect(asked("join")).toHaveLength(1);
  });

  it("is live", async () => {
    const { fake } = await open("team", "#/team");
    expect((await find(testids.teamRow("Casey"))).dataset["status"]).toBe("online");
    fake.at("morgan/team-casey-calls");
    await waitFor(() => expect(get(testids.teamRow("Casey")).dataset["status"]).toBe("on-call"));
    expect(get(testids.teamListen("Casey")).getAttribute("aria-disabled")).toBe("false");
  });

  it("j3: is locked, and says what it takes", async () => {
    await open("team-locked", "#/team");
    expect((await find(testids.teamLocked)).textContent).toContain(
      "Business (legacy) and Enterprise",
    );
    expect(get(testids.teamListen("Riley")).getAttribute("aria-disabled")).toBe("true");
    expect(get(testids.teamReason("Riley")).textContent).toContain("plan");
  });

  it("shows groups with their members", async () => {
    const { user } = await open("team", "#/team");
    await user.click(await find(testids.teamTabGroups));
    const coaches = await screen.findByRole("region", { name: /Coaches/ });
    expect(within(coaches).getByTestId(testids.teamRow("Morgan"))).toBeTruthy();
    expect(within(coaches).queryByTestId(testids.teamRow("Riley"))).toBeNull();
  });
});

describe("the Call Coaching bar", () => {
  it("shows the confirmed mode while a switch is under way", async () => {
    const { fake, user, asked } = await open("listen", "#/team");
    fake.confirms = false;
    await user.click(await find(testids.mode("whisper")));
    expect(asked("setMode")).toEqual([["whisper"]]);
    expect((await find(testids.coachingSwitching)).textContent).toContain("Switching to Whisper");
    expect(get(testids.coachingBar).dataset["mode"]).toBe("listen");
    expect([checked(testids.mode("listen")), checked(testids.mode("whisper"))]).toEqual([
      true,
      false,
    ]);
    expect(get(testids.coachingAudience).textContent).toBe("No one hears you");
    fake.at("morgan/whisper");
    await waitFor(() => expect(checked(testids.mode("whisper"))).toBe(true));
    none(testids.coachingSwitching);
    expect(get(testids.coachingAudience).textContent).toBe("Only \u2068Riley\u2069 hears you");
  });

  it("is switched by L, W and Alt B, but not while somebody types", async () => {
    const { user, asked } = await open("listen", "#/team");
    await find(testids.coachingBar);
    await user.keyboard("w");
    await user.keyboard("{Alt>}b{/Alt}");
    await waitFor(() => expect(get(testids.coachingBar).dataset["mode"]).toBe("barge"));
    expect(get(testids.coachingBar).dataset["audience"]).toBe("everybody");
    await user.click(get(testids.teamSearch));
    await user.keyboard("lwb{Alt>}b{/Alt}");
    expect(asked("setMode")).toEqual([["whisper"], ["barge"]]);
    await user.keyboard("{Escape}{Escape}l");
    expect(asked("setMode").at(-1)).toEqual(["listen"]);
  });

  it("is a radio group that the arrows move in", async () => {
    const { user, asked } = await open("listen", "#/team");
    expect(await screen.findByRole("radiogroup", { name: "Mode" })).toBeTruthy();
    get(testids.mode("listen")).focus();
    await user.keyboard("{ArrowRight}");
    await waitFor(() => expect(asked("setMode")).toEqual([["whisper"]]));
  });

  it("no single key lets the lead hear the coach, and whoever presses B is told which do", async () => {
    const { user, asked } = await open("listen", "#/team");
    await find(testids.coachingBar);
    await user.keyboard("b");
    expect((await find(testids.toast)).textContent).toContain("Press Alt B to barge.");
    // Nor does an arrow, from a mode that was clicked or reached by Tab: it moves the focus alone.
    get(testids.mode("listen")).focus();
    await user.keyboard("{ArrowLeft}");
    expect(document.activeElement).toBe(get(testids.mode("barge")));
    await user.keyboard("{ArrowLeft}");
    await waitFor(() => expect(get(testids.coachingBar).dataset["mode"]).toBe("whisper"));
    await user.keyboard("{ArrowRight}");
    expect(document.activeElement).toBe(get(testids.mode("barge")));
    expect(asked("setMode")).toEqual([["whisper"]]);
    // What has the focus is chosen as any control is.
    await user.keyboard(" ");
    expect(asked("setMode")).toEqual([["whisper"], ["barge"]]);
  });

  it("a click leaves no focus behind for Space to press again", async () => {
    const { user, asked } = await open("listen", "#/team");
    await user.click(await find(testids.mode("barge")));
    await user.keyboard("l ");
    expect(asked("setMode")).toEqual([["barge"], ["listen"]]);
  });

  it("no single key unmutes a coach whom the lead would hear; W and Alt M do what they say", async () => {
    const { user, asked, fake } = await open("barge", "#/team");
    await find(testids.coachingBar);
    await user.keyboard("m");
    fake.viewNow = { ...fake.viewNow, coaching: muted(fake.viewNow.coaching) };
    fake.tell("viewChanged", fake.viewNow);
    await user.keyboard("m");
    expect((await find(testids.toast)).textContent).toContain("Press Alt M to unmute.");
    expect(asked("mute")).toEqual([[true]]);
    await user.keyboard("{Alt>}m{/Alt}");
    expect(asked("mute")).toEqual([[true], [false]]);
  });

  it("may ask to hold B instead, and shows it in the bar and in Settings", async () => {
    const { fake, user, asked, app } = await open("listen", "#/settings");
    await user.click(await find(testids.settingsAudibleKeys("hold")));
    await waitFor(() => expect(fake.settingsNow.audible_keys).toBe("hold"));
    expect(get(testids.pageSettings).textContent).toContain("Hold B");
    expect(get(testids.mode("barge")).getAttribute("title")).toBe("Barge (Hold B)");
    vi.useFakeTimers({ shouldAdvanceTime: false });
    try {
      document.body.focus();
      fireKey("keydown", "b");
      vi.advanceTimersByTime(AUDIBLE_HOLD_MS - 1);
      fireKey("keyup", "b");
      vi.advanceTimersByTime(AUDIBLE_HOLD_MS);
      expect(app.toasts.at(-1)?.message).toBe("Hold B to barge.");
      expect(asked("setMode")).toEqual([]);
      fireKey("keydown", "b");
      window.dispatchEvent(new Event("blur"));
      vi.advanceTimersByTime(AUDIBLE_HOLD_MS);
      fireKey("keydown", "b", { altKey: true });
      expect(asked("setMode")).toEqual([]);
      fireKey("keydown", "b");
      vi.advanceTimersByTime(AUDIBLE_HOLD_MS);
      expect(asked("setMode")).toEqual([["barge"]]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("may have no such key at all", async () => {
    const { fake, app, user, asked } = await open("listen", "#/settings");
    await user.click(await find(testids.settingsAudibleKeys("off")));
    await waitFor(() => expect(fake.settingsNow.audible_keys).toBe("off"));
    (document.activeElement as HTMLElement).blur();
    await user.keyboard("b{Alt>}b{/Alt}");
    expect(asked("setMode")).toEqual([]);
    expect(app.toasts.at(-1)?.message).toContain("Use the button");
    expect(get(testids.mode("barge")).getAttribute("title")).toBe("Barge");
    expect(get(testids.mode("barge")).hasAttribute("aria-keyshortcuts")).toBe(false);
  });

  it("whispers while V is held, and no longer when it goes up or the window loses the focus", async () => {
    const { user, asked } = await open("listen", "#/team");
    await find(testids.coachingBar);
    await user.keyboard("{v>3}");
    expect(asked("holdToWhisper")).toEqual([[true]]);
    await user.keyboard("{/v}");
    expect(asked("holdToWhisper")).toEqual([[true], [false]]);
    await user.keyboard("{v>}");
    await fireEvent.blur(window);
    expect(asked("holdToWhisper").slice(2)).toEqual([[true], [false]]);
  });

  it("whispers while the button is held", async () => {
    const { asked } = await open("listen", "#/team");
    const button = await find(testids.coachingHold);
    await fireEvent.pointerDown(button, { button: 0, pointerId: 1 });
    expect(asked("holdToWhisper")).toEqual([[true]]);
    await fireEvent.pointerUp(button, { pointerId: 1 });
    await fireEvent.keyDown(button, { key: " " });
    await fireEvent.blur(button);
    expect(asked("holdToWhisper").slice(1)).toEqual([[false], [true], [false]]);
  });

  it("a1: modes without permission are disabled, with the reason to be read", async () => {
    const { user, asked } = await open("trainee-listen", "#/team");
    const barge = await find(testids.mode("barge"));
    expect(barge).toHaveProperty("disabled", true);
    const reason = document.getElementById(barge.getAttribute("aria-describedby") ?? "");
    expect(reason?.textContent).toContain("Whisper & Barge permission");
    await user.click(barge);
    await user.keyboard("bwv{Alt>}b{/Alt}");
    expect(asked("setMode").concat(asked("holdToWhisper"))).toEqual([]);
  });

  it("m4: in Listen the microphone cannot be unmuted, for it is closed", async () => {
    const { user, asked, fake } = await open("listen", "#/team");
    expect(await find(testids.coachingMute)).toHaveProperty("disabled", true);
    await user.keyboard("m");
    expect(asked("mute")).toEqual([]);
    fake.at("morgan/barge");
    await waitFor(() => expect(get(testids.coachingMute)).toHaveProperty("disabled", false));
    await user.click(get(testids.coachingMute));
    await waitFor(() =>
      expect(get(testids.coachingAudience).textContent).toBe("No one hears you: you're muted"),
    );
    expect(get(testids.coachingBar).dataset["audience"]).toBe("nobody");
  });

  it("b2: shows what it has cost as the shell says it, and computes nothing", async () => {
    const { fake } = await open("whisper", "#/settings");
    expect((await find(testids.coachingCost)).textContent).toBe("$0.0080");
    fake.at("morgan/whisper-a-minute-later");
    await waitFor(() => expect(get(testids.coachingCost).textContent).toBe("$0.0120"));
  });

  it("is in Listen while it reconnects, and says so", async () => {
    const { user, asked } = await open("resuming", "#/team");
    const bar = await find(testids.coachingBar);
    expect([bar.dataset["mode"], bar.dataset["audience"]]).toEqual(["listen", "nobody"]);
    expect(get(testids.coachingAudience).textContent).toContain(
      "You're in Listen mode until you're back",
    );
    await user.keyboard("wv");
    expect(asked("setMode").concat(asked("holdToWhisper"))).toEqual([]);
  });

  it("says that a long outage has probably ended the call", async () => {
    await open("lost", "#/team");
    expect((await find(testids.coachingAudience)).textContent).toContain("probably ended");
    expect(get(testids.coachingElapsed).textContent).toContain("Disconnected");
    expect(get(testids.mode("whisper"))).toHaveProperty("disabled", true);
    expect(get(testids.coachingLeave)).toHaveProperty("disabled", false);
  });

  it("says when the rep's connection is lost", async () => {
    await open("rep-lost", "#/team");
    expect((await find(testids.coachingRep)).textContent).toContain("Lost connection");
  });

  it("w4: is on every page, and goes when the coach leaves", async () => {
    const { user } = await open("whisper", "#/leads");
    for (const nav of [testids.navTeam, testids.navSettings, testids.navLeads]) {
      await user.click(await find(nav));
      expect(get(testids.coachingBar)).toBeTruthy();
    }
    await user.click(get(testids.coachingLeave));
    await waitFor(() => none(testids.coachingBar));
  });

  it("says that no one hears a coach who whispers without a microphone", async () => {
    const { fake } = await open("unheard", "#/leads");
    const bar = await find(testids.coachingBar);
    expect(get(testids.coachingAudience).textContent).toBe(
      "No one hears you: no microphone found.",
    );
    expect(bar.dataset["audience"]).toBe("nobody");
    fake.tell("microphoneLevel", { level_dbov: -30 });
    expect(within(bar).getByRole("meter").getAttribute("aria-valuenow")).toBe("0");
    // And the rep, whose microphone does not work either.
    expect(get(testids.coachingRepTrouble).textContent).toContain(
      "Riley has a microphone problem. No one hears them.",
    );
    fake.at("morgan/whisper");
    await waitFor(() => expect(bar.dataset["audience"]).toBe("rep"));
    none(testids.coachingRepTrouble);
  });

  it("shows how loud the microphone is", async () => {
    const { fake } = await open("whisper", "#/team");
    await find(testids.coachingBar);
    fake.tell("microphoneLevel", { level_dbov: -30 });
    const meter = within(get(testids.coachingBar)).getByRole("meter");
    await waitFor(() => expect(meter.getAttribute("aria-valuenow")).toBe("50"));
  });
});

describe("the rep's call", () => {
  it("w5: shows each coach and the mode as it changes", async () => {
    const { fake } = await open("rep-coached", "#/settings");
    expect((await find(testids.callCoach("Morgan"))).dataset["mode"]).toBe("whisper");
    expect(get(testids.callCoach("Casey")).textContent).toContain("Barging");
    fake.at("riley/rep-coached-later");
    await waitFor(() => expect(get(testids.callCoach("Morgan")).dataset["mode"]).toBe("barge"));
    none(testids.callCoach("Casey"));
  });

  it("shows nothing that is not known while the connection is away", async () => {
    const { fake, user } = await open("my-call-resuming", "#/settings");
    expect((await find(testids.callAway)).textContent).toContain("get you back");
    expect(get(testids.callStatus).textContent).toContain("Reconnecting");
    none(testids.callRecording);
    expect(screen.queryByRole("list", { name: "Coaches on your call" })).toBeNull();
    // Nor on other pages.
    await user.click(get(testids.navTeam));
    const row = within(await find(testids.teamRow("Riley")));
    expect(row.getByText("Not up to date")).toBeTruthy();
    await user.click(within(get(testids.callBar)).getByRole("link"));
    const calls = within(await find(testids.leadCalls));
    expect(calls.getByText("Outbound · Not up to date")).toBeTruthy();
    expect(calls.queryByText(/Listening|Whispering|Barging/)).toBeNull();
    fake.at("riley/rep-coached-lost");
    await waitFor(() => expect(get(testids.callAway).textContent).toContain("probably ended"));
    expect(get(testids.callStatus).textContent).toContain("Disconnected");
    expect(get(testids.callHangup)).toHaveProperty("disabled", false);
  });

  it("says that no one hears the rep, with coaches on the call and on every page", async () => {
    const { fake, user } = await open("rep-unheard", "#/settings");
    const bar = await find(testids.callBar);
    for (const nav of [testids.navTeam, testids.navLeads, testids.navSettings]) {
      await user.click(get(nav));
      const said = get(testids.callTrouble);
      expect(said.textContent.trim()).toBe("No one hears you: no microphone found.");
      expect(said.getAttribute("role")).toBe("alert");
    }
    fake.tell("microphoneLevel", { level_dbov: -30 });
    expect(within(bar).getByRole("meter").getAttribute("aria-valuenow")).toBe("0");
    // And of whom the others' apps say the same.
    expect(get(testids.callCoach("Casey")).textContent).toContain("Barging, microphone problem");
    expect(get(testids.callCoach("Morgan")).textContent).not.toContain("microphone problem");
    // The Lead page says the same.
    await user.click(within(bar).getByRole("link"));
    const calls = within(await find(testids.leadCalls));
    expect(calls.getByText("· Barging, microphone problem")).toBeTruthy();
    fake.at("riley/rep-coached");
    await waitFor(() => none(testids.callTrouble));
  });

  it("w3: invites those whom the service gives, several at once, and shows what became of it", async () => {
    const { fake, user, asked } = await open("rep", "#/team");
    await user.click(await find(testids.callInvite));
    await user.click(await find(testids.inviteOption("Morgan")));
    await user.click(get(testids.inviteOption("Taylor")));
    none(testids.inviteOption("Alex")); // Offline.
    none(testids.inviteOption("Jordan")); // Online, but not in the desktop app.
    await user.click(get(testids.inviteSend));
    expect(asked("invite")).toEqual([[[userId("Morgan"), userId("Taylor")]]]);
    const sent = await find(testids.inviteSent("Morgan"));
    expect(sent.dataset["status"]).toBe("open");
    fake.at("riley/rep-declined");
    await waitFor(() =>
      expect(get(testids.inviteSent("Morgan")).dataset["status"]).toBe("declined"),
    );
  });

  it("w3: one who lacks Listen is disabled, with the reason", async () => {
    const { user } = await open("rep", "#/team");
    await user.click(await find(testids.callInvite));
    const option = await find(testids.inviteOption("Sam"));
    expect(option.getAttribute("aria-disabled")).toBe("true");
    const reason = document.getElementById(option.getAttribute("aria-describedby") ?? "");
    expect(reason?.textContent).toContain("Listen permission");
    await user.click(option);
    expect(get(testids.inviteSend)).toHaveProperty("disabled", true);
  });

  it("is muted, held, dialled on and ended", async () => {
    const { user, asked } = await open("rep", "#/team");
    await user.click(await find(testids.callMute));
    await waitFor(() => expect(get(testids.callMute).getAttribute("aria-pressed")).toBe("true"));
    await user.click(get(testids.callHold));
    await waitFor(() => expect(get(testids.callBar).dataset["status"]).toBe("held"));
    await user.click(get(testids.callKeypad));
    await user.click(await find(testids.callKey("5")));
    await user.keyboard("#");
    await user.keyboard("{Escape}");
    await user.click(get(testids.callHangup));
    await waitFor(() => none(testids.callBar));
    expect([asked("mute"), asked("hold"), asked("dtmf"), asked("hangUp")]).toEqual([
      [[true]],
      [[true]],
      [["5"], ["#"]],
      [[]],
    ]);
  });
});

describe("a call with many coaches", () => {
  it("w5: shows whoever is audible first, then how many more, and all of them with their modes", async () => {
    const { user } = await open("rep-crowded", "#/team");
    const shown = within(await find(testids.callBar)).getAllByRole("listitem");
    expect(shown.map((chip) => chip.dataset["mode"])).toEqual(["barge", "whisper", "listen"]);
    expect(get(testids.callCoach("Coach20")).dataset["mode"]).toBe("barge");
    expect(get(testids.callCoach("Coach1")).dataset["mode"]).toBe("listen");
    const more = get(testids.callCoachesMore);
    expect(more.textContent).toBe("+17");
    expect(more.getAttribute("aria-label")).toContain("17 more people");
    await user.click(more);
    const rows = within(await find(testids.callCoachesAll)).getAllByRole("listitem");
    expect(rows).toHaveLength(20);
    expect(rows[0]?.textContent).toMatch(/Coach20.*Barging/s);
    expect(rows[1]?.textContent).toMatch(/Coach19.*Whispering/s);
    expect(rows[2]?.textContent).toMatch(/Coach1 .*Listening/s);
  });
});

describe("names", () => {
  it("are isolated, so that none turns what stands beside it", async () => {
    const { fake } = await open("rep-coached", "#/team");
    const renamed = (id: string) => [userId("Morgan"), userId("Riley")].includes(id);
    fake.viewNow = {
      ...fake.viewNow,
      users: fake.viewNow.users.map((user) =>
        renamed(user.id) ? { ...user, first_name: `שרה ${user.first_name}` } : user,
      ),
    };
    fake.tell("viewChanged", fake.viewNow);
    const coach = await find(testids.callCoach("שרה Morgan"));
    expect(coach.querySelector("bdi")?.textContent).toBe("שרה Morgan Moss");
    const row = get(testids.teamRow("שרה Riley"));
    expect(row.querySelector("bdi")?.textContent).toBe("שרה Riley Reed");
  });

  it("that are cut off are read in whole under the pointer, and where the focus is", async () => {
    const cut = vi.spyOn(Element.prototype, "scrollWidth", "get").mockReturnValue(500);
    const { user } = await open("rep-long-names", "#/leads");
    const lead = within(await find(testids.callBar)).getByRole("link");
    const name = lead.querySelector("bdi") as HTMLElement;
    none(testids.whole);
    await user.hover(name);
    expect((await find(testids.whole)).textContent).toBe(name.textContent);
    await user.hover(get(testids.callHangup));
    await waitFor(() => none(testids.whole));
    await user.keyboard("{Escape}");
    lead.focus();
    expect((await find(testids.whole)).textContent).toBe(name.textContent);
    await user.keyboard("{Escape}");
    await waitFor(() => none(testids.whole));
    cut.mockReturnValue(0);
    await user.hover(name);
    none(testids.whole);
  });
});

describe("an invitation", () => {
  it("is joined in Listen", async () => {
    const { fake, user, asked } = await open("invitation", "#/settings");
    const { id, call_id } = fake.viewNow.invitations[0] ?? {};
    expect((await find(testids.invitationCard)).textContent).toContain("Riley Reed");
    await user.click(get(testids.invitationJoin));
    expect(asked("join")).toEqual([[call_id, id]]);
    expect((await find(testids.coachingBar)).dataset["mode"]).toBe("listen");
    none(testids.invitationCard);
  });

  it("is declined", async () => {
    const { user, asked } = await open("invitation");
    await user.click(await find(testids.invitationDecline));
    expect(asked("decline")).toHaveLength(1);
    await waitFor(() => none(testids.invitationCard));
  });
});

describe("the sidebar", () => {
  it("repeats no name that is to be read, and says it beside an icon alone", async () => {
    const width = window.innerWidth;
    await open("team", "#/team");
    await find(testids.navTeam);
    const tips = new Set<string>();
    const watch = new MutationObserver(() => {
      for (const tip of document.querySelectorAll(".tip")) tips.add(tip.textContent.trim());
    });
    watch.observe(document.body, { childList: true, subtree: true });
    get(testids.navSettings).focus();
    get(testids.signOut).focus();
    await waitFor(() => expect([...tips].join()).toContain("Sign out"));
    expect([...tips].join()).not.toContain("Settings");
    try {
      happy.setViewport({ width: 800 });
      get(testids.navSettings).focus();
      await waitFor(() => expect([...tips].join()).toContain("Settings"));
    } finally {
      happy.setViewport({ width });
      watch.disconnect();
    }
  });
});

describe("settings", () => {
  it("change the theme of the document", async () => {
    const { user, asked } = await open("team", "#/settings");
    await user.click(await find(testids.settingsTheme("dark")));
    await waitFor(() => expect(document.documentElement.dataset["theme"]).toBe("dark"));
    expect(asked("setSettings")[0]?.[0]).toMatchObject({ theme: "dark" });
  });

  it("record a shortcut, say what ails it, and clear it", async () => {
    const { fake, user } = await open("team", "#/settings");
    fake.shortcutTrouble = "Another program has that key.";
    await user.click(await find(testids.settingsShortcut));
    await user.keyboard("{Control>}{Shift>}[KeyK]{/Shift}{/Control}");
    await waitFor(() => expect(fake.settingsNow.hold_to_whisper).toBe("Control+Shift+K"));
    expect((await find(testids.settingsShortcutTrouble)).textContent).toContain("Another program");
    await user.click(get(testids.settingsShortcutClear));
    await waitFor(() => expect(fake.settingsNow.hold_to_whisper).toBeNull());
  });

  it("meter the microphone, and close it when the page is left", async () => {
    const { user, asked } = await open("team", "#/settings");
    await user.click(await find(testids.settingsMeter));
    await user.click(get(testids.navTeam));
    await waitFor(() => expect(asked("meterMicrophone")).toEqual([[true], [false]]));
  });

  it("show how loud each microphone is, while the list of them is shown", async () => {
    const { user, asked } = await open("team", "#/settings");
    await user.click(await find(testids.settingsMicrophone));
    const level = await find(testids.settingsDeviceLevel("mic_2"));
    expect(level.getAttribute("aria-valuenow")).toBe("70");
    expect(get(testids.settingsDeviceLevel("mic_3")).getAttribute("aria-valuenow")).toBe("0");
    await user.click(get(testids.settingsDevice("microphone", "mic_3")));
    await waitFor(() => expect(asked("compareMicrophones")).toEqual([[true], [false]]));
    none(testids.settingsDeviceLevel("mic_2"));
    // The list of loudspeakers opens no microphone, and leaving the page closes them.
    await user.click(get(testids.settingsLoudspeaker));
    await user.keyboard("{Escape}");
    expect(asked("compareMicrophones")).toHaveLength(2);
  });

  it("close every microphone when the window is hidden", async () => {
    const { user, asked } = await open("team", "#/settings");
    await user.click(await find(testids.settingsMeter));
    await user.click(get(testids.settingsMicrophone));
    await find(testids.settingsDeviceLevel("mic_2"));
    const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    try {
      await fireEvent(document, new Event("visibilitychange"));
      expect(asked("meterMicrophone")).toEqual([[true], [false]]);
      expect(asked("compareMicrophones")).toEqual([[true], [false]]);
    } finally {
      hidden.mockRestore();
    }
  });

  it("m4: open no microphone for the list of them during a call", async () => {
    const { user, asked } = await open("listen", "#/settings");
    await user.click(await find(testids.settingsMicrophone));
    await find(testids.settingsDevice("microphone", "mic_2"));
    none(testids.settingsDeviceLevel("mic_2"));
    expect(asked("compareMicrophones")).toEqual([]);
  });

  it("keep what is in force when a change is refused", async () => {
    const { fake, user } = await open("team", "#/settings");
    fake.refuse.set("setSettings", new Failure({ code: "settings", message: "The disk is full." }));
    await user.click(await find(testids.settingsEcho));
    expect((await find(testids.toast)).textContent).toContain("The disk is full.");
    expect(get(testids.settingsEcho).getAttribute("aria-checked")).toBe("true");
  });
});
