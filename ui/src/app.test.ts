// The app as a person meets it, on the organization in memory.
import { fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it, vi } from "vitest";
import { Failure, route } from "./backend";
import { userId } from "./backend.fake";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const leadsOf = (query: string) => [{ query, _limit: 50 }];
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
    expect(get(testids.signInStarting).textContent).toContain("starting");
    fake.shell("failed");
    await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("Port 8080"));
    fake.shell("local");
    await waitFor(() => expect(button).toHaveProperty("disabled", false));
  });

  it("takes a server, an e-mail and a password, and tells an error at the form", async () => {
    const { user, asked } = await open();
    await user.click(await find(testids.signInServer));
    await user.type(await find(testids.signInUrl), "https://coaching.example.com");
    await user.type(get(testids.signInEmail), "morgan@demo.example");
    await user.type(get(testids.signInPassword), "wrong");
    await user.click(get(testids.signInSubmit));
    expect((await find(testids.signInError)).getAttribute("role")).toBe("alert");
    expect(asked("setServer")).toEqual([[false, "https://coaching.example.com"]]);
    await user.clear(get(testids.signInPassword));
    await user.type(get(testids.signInPassword), "demo-password");
    await user.click(get(testids.signInSubmit));
    expect(await find(testids.pageLeads)).toBeTruthy();
  });

  it("says that a kept one is being resumed", async () => {
    await open("sign-in-resuming");
    expect((await find(testids.signInResuming)).textContent).toContain("Signing you in again");
    none(testids.signInDemo("riley@demo.example"));
  });

  it("says when it is for this run only", async () => {
    const { fake } = await open("not-kept");
    expect((await find(testids.notKept)).textContent).toContain("no key ring");
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
    });
    const toast = await find(testids.toast);
    expect(toast.getAttribute("role")).toBe("alert");
    await user.click(within(toast).getByRole("button"));
    await waitFor(() => none(testids.toast));
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
    expect(get(testids.coachingAudience).textContent).toBe("Nobody hears you");
    fake.at("morgan/whisper");
    await waitFor(() => expect(checked(testids.mode("whisper"))).toBe(true));
    none(testids.coachingSwitching);
    expect(get(testids.coachingAudience).textContent).toBe("Only Riley hears you");
  });

  it("is switched by L, W and B, but not while somebody types", async () => {
    const { user, asked } = await open("listen", "#/team");
    await find(testids.coachingBar);
    await user.keyboard("w");
    await user.keyboard("b");
    await waitFor(() => expect(get(testids.coachingBar).dataset["mode"]).toBe("barge"));
    expect(get(testids.coachingBar).dataset["audience"]).toBe("everybody");
    await user.click(get(testids.teamSearch));
    await user.keyboard("lwb");
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
    await user.keyboard("bwv");
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
      expect(get(testids.coachingAudience).textContent).toBe("Nobody hears you: muted"),
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
      "you are in Listen until it is back",
    );
    await user.keyboard("wv");
    expect(asked("setMode").concat(asked("holdToWhisper"))).toEqual([]);
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
