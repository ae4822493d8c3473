import { describe, expect, it } from "vitest";
import type { Call, User } from "../backend";
import {
  acceleratorOf,
  actionOf,
  audibleKeysOf,
  audibly,
  keysOf,
  takesLetters,
  windowKeys,
} from "./keys";
import { dollarsText, rateText } from "./money";
import { coachesOn, matching, people } from "./people";
import { hashOf, routeOf } from "./route";
import { clockText, elapsedMs, elapsedText, momentText, secondsLeft } from "./time";
import {
  audienceText,
  grade,
  initials,
  meterPercent,
  modesUsed,
  outcomeText,
  phoneGrade,
  phoneQualityText,
  phoneText,
  pressedText,
  refusal,
  refusalToManager,
  soundTroubles,
} from "./words";

const START = "2026-01-02T03:04:05.000Z";
const start = Date.parse(START);

describe("times", () => {
  it("counts whole seconds, minutes and hours", () => {
    expect(clockText(0)).toBe("0:00");
    expect(clockText(59.99)).toBe("0:59");
    expect(clockText(60)).toBe("1:00");
    expect(clockText(3723)).toBe("1:02:03");
    expect(elapsedText(START, start + 61_500)).toBe("1:01");
  });

  it("never counts backwards, nor from nothing", () => {
    expect(elapsedMs(START, start - 5_000)).toBe(0);
    expect(elapsedMs(null, start)).toBe(0);
    expect(elapsedMs("nonsense", start)).toBe(0);
  });

  it("counts an invitation down to nothing", () => {
    expect(secondsLeft(START, start - 59_001)).toBe(60);
    expect(secondsLeft(START, start - 1)).toBe(1);
    expect(secondsLeft(START, start)).toBe(0);
    expect(secondsLeft(START, start + 1)).toBe(0);
  });

  it("names today and yesterday", () => {
    const noon = new Date(2026, 4, 20, 12, 0, 0);
    const at = (days: number) => new Date(noon.getTime() - days * 86_400_000).toISOString();
    expect(momentText(at(0), noon.getTime(), "en-GB")).toBe("Today, 12:00");
    expect(momentText(at(1), noon.getTime(), "en-GB")).toBe("Yesterday, 12:00");
    expect(momentText(at(5), noon.getTime(), "en-GB")).toBe("15 May, 12:00");
  });
});

describe("b1 and b2: money", () => {
  it("is told with four decimals", () => {
    expect(dollarsText(4_000)).toBe("$0.0040");
    expect(dollarsText(20_000)).toBe("$0.0200");
    expect(dollarsText(1_234_567)).toBe("$1.2346");
    expect(dollarsText(-4_000)).toBe("-$0.0040");
    expect(dollarsText(0)).toBe("$0.0000");
    expect(rateText(4_000)).toBe("$0.0040 per minute");
  });
});

describe("who hears the coach", () => {
  const now = { mode: "whisper", audience: "rep", muted: false, connected: true } as const;

  it("is told in words", () => {
    expect(audienceText({ ...now, mode: "listen", audience: "nobody" }, "Sam")).toBe(
      "No one hears you",
    );
    expect(audienceText(now, "Sam")).toBe("Only Sam hears you");
    expect(audienceText({ ...now, mode: "barge", audience: "everybody" }, "Sam")).toBe(
      "Sam and the lead hear you",
    );
  });

  it("is nobody while muted, and while the connection is away", () => {
    expect(audienceText({ ...now, muted: true }, "Sam")).toBe("No one hears you: you're muted");
    expect(audienceText({ ...now, connected: false }, "Sam")).toContain("No one");
  });

  it("is no one while the microphone captures nothing, and says why", () => {
    expect(audienceText(now, "Sam", "No microphone found.")).toBe(
      "No one hears you: no microphone found.",
    );
    const listening = { ...now, mode: "listen", audience: "nobody" } as const;
    expect(audienceText(listening, "Sam", "No microphone found.")).toBe("No one hears you");
  });
});

describe("what is wrong with the sound", () => {
  const well = {
    microphone_trouble: null,
    microphone_silent: false,
    loudspeaker_trouble: null,
    loudspeaker_silent: false,
  };
  const using = "Your selected microphone isn't connected. Using another instead.";

  it("is said with what it means, for both devices", () => {
    const both = {
      microphone_trouble: "No microphone found.",
      microphone_silent: true,
      loudspeaker_trouble: "No speaker found.",
      loudspeaker_silent: true,
    };
    expect(soundTroubles(both)).toEqual([
      "No one hears you: no microphone found.",
      "You can't hear the call: no speaker found.",
    ]);
    expect(soundTroubles({ ...well, microphone_trouble: using })).toEqual([using]);
    expect(soundTroubles(well)).toEqual([]);
    expect(soundTroubles(null)).toEqual([]);
  });

  it("m4: is not that no one hears a coach who only listens", () => {
    const silent = { ...well, microphone_trouble: "No microphone found.", microphone_silent: true };
    expect(soundTroubles(silent, true)).toEqual(["No microphone found."]);
    expect(soundTroubles({ ...well, microphone_trouble: using }, true)).toEqual([]);
  });
});

describe("initials", () => {
  const of = (first_name: string, last_name: string) =>
    initials({ id: "user_1", email: "a@b", first_name, last_name });

  it("are letters as people count them, whatever they are made of", () => {
    expect(of("Riley", "Reed")).toBe("RR");
    expect(of("e\u0301va", "")).toBe("É".normalize("NFD"));
    expect(of("👩‍💻 Ada", "𐐨da")).toBe("👩‍💻𐐀");
    expect(of("नि", "क्ष")).toBe("निक्ष");
    expect(initials(undefined)).toBe("?");
  });
});

describe("j1: what is refused, and why", () => {
  it("is said in the service's own words", () => {
    expect(refusal({ joinable: true })).toBeNull();
    expect(refusal({ joinable: false, code: "inbound_call", message: "Its words." })).toBe(
      "Its words.",
    );
    expect(refusal({ joinable: false })).not.toBeNull();
  });

  it("does not send an admin to an admin", () => {
    const message = "No. Ask an admin.";
    for (const code of ["plan_required", "insufficient_balance", "permission_required"] as const) {
      const said = refusalToManager({ joinable: false, code, message }, true);
      expect(said).toContain("You can");
      expect(said).not.toContain("admin");
    }
    expect(refusalToManager({ joinable: true }, true)).toBeNull();
    const full = { joinable: false, code: "call_full", message: "Full." } as const;
    expect(refusalToManager(full, true)).toBe("Full.");
  });

  it("o5: does not send an admin to a page where they can't change the plan", () => {
    const said = refusalToManager({ joinable: false, code: "plan_required" }, false);
    expect(said).toContain("Whoever runs the service");
    expect(said).not.toContain("You can");
  });
});

describe("figures", () => {
  it("grades a connection by its worst figure", () => {
    const good = { lost_percent: 0, jitter_ms: 2, round_trip_ms: 40 };
    expect(grade(good)).toBe("good");
    expect(grade({ ...good, lost_percent: 1 })).toBe("fair");
    expect(grade({ ...good, round_trip_ms: 400 })).toBe("poor");
    expect(grade({ ...good, jitter_ms: 60 })).toBe("poor");
    expect(grade({ ...good, round_trip_ms: null })).toBe("good");
  });

  it.each([
    [{ lost_permille: 9, jitter_ms: 29, round_trip_ms: 299 }, "good"],
    [{ lost_permille: 0, jitter_ms: 0, round_trip_ms: null }, "good"],
    [{ lost_permille: 10, jitter_ms: 0, round_trip_ms: 0 }, "fair"],
    [{ lost_permille: 0, jitter_ms: 30, round_trip_ms: 0 }, "fair"],
    [{ lost_permille: 0, jitter_ms: 0, round_trip_ms: 300 }, "fair"],
    [{ lost_permille: 49, jitter_ms: 59, round_trip_ms: 599 }, "fair"],
    [{ lost_permille: 50, jitter_ms: 0, round_trip_ms: 0 }, "poor"],
    [{ lost_permille: 0, jitter_ms: 60, round_trip_ms: null }, "poor"],
    [{ lost_permille: 0, jitter_ms: 0, round_trip_ms: 600 }, "poor"],
  ] as const)("grades the lead's phone by its worst figure: %o is %s", (quality, grade) => {
    expect(phoneGrade(quality)).toBe(grade);
    expect(phoneQualityText(quality)).toContain(`Phone: ${grade} · `);
  });

  it("tells how the lead's phone does, and no round trip before there was one", () => {
    const quality = { jitter_ms: 12, lost_permille: 4, round_trip_ms: 84 };
    expect(phoneQualityText(quality)).toBe(
      "Phone: good · 12 ms jitter · 0.4% lost · 84 ms round trip",
    );
    expect(phoneQualityText({ ...quality, round_trip_ms: null })).toBe(
      "Phone: good · 12 ms jitter · 0.4% lost",
    );
    expect(pressedText("53#")).toBe("The lead pressed 5 3 #");
  });

  it("shows silence as nothing and full scale as all", () => {
    expect(meterPercent(-127)).toBe(0);
    expect(meterPercent(-30)).toBe(50);
    expect(meterPercent(0)).toBe(100);
  });

  it("writes numbers to be read", () => {
    expect(phoneText("+15557000100")).toBe("+1 555 700 0100");
    expect(phoneText("+15550001")).toBe("+15550001");
    expect(phoneText("")).toBe("Number withheld");
  });
});

describe("the end of a call in words", () => {
  const failed = { status: "failed", duration: 0 } as const;

  it("j5: tells a lead who declined from one who is busy", () => {
    const busy = { status: "busy", duration: 0 } as const;
    expect(outcomeText({ ...busy, hangup_cause: "busy" })).toBe("Busy");
    expect(outcomeText({ ...busy, hangup_cause: "declined" })).toBe("Declined");
  });

  it("tells why, where the status does not", () => {
    expect(outcomeText({ ...failed, hangup_cause: "network_failed" })).toBe(
      "Failed · the phone network failed",
    );
    expect(outcomeText({ ...failed, hangup_cause: "unreachable" })).toContain("number");
    const lost = { status: "completed", hangup_cause: "lead_lost", duration: 134 } as const;
    expect(outcomeText(lost)).toBe("Completed · 2:14 · lost connection to the phone");
    expect(outcomeText({ ...lost, hangup_cause: "lead" })).toBe("Completed · 2:14");
    expect(outcomeText({ status: "no-answer", hangup_cause: "no_answer", duration: 0 })).toBe(
      "No answer",
    );
  });

  it("j5: an early sound from the network is no answer: the call rings", () => {
    expect(outcomeText({ status: "ringing", hangup_cause: null, duration: 0 })).toBe("Ringing…");
  });
});

describe("people", () => {
  const user = (first_name: string): User => ({
    id: `user_${first_name}`,
    first_name,
    last_name: "X",
    email: `${first_name}@x.example`,
  });
  const call = {
    id: "a",
    user_id: "user_Bo",
    status: "in-progress",
    coach_legs: [],
  } as never as Call;
  const withLead = { ...call, lead: { id: "l", display_name: "Globex" } };
  const person = (first_name: string, presence: "on-call" | "online", lead: string | null) => ({
    user_id: `user_${first_name}`,
    presence,
    call_id: first_name === "Bo" ? "a" : null,
    lead_name: lead,
  });
  const rows = people({
    people: [
      person("Al", "online", null),
      person("Bo", "on-call", "Globex"),
      person("Cy", "on-call", "Hooli"),
    ],
    users: [user("Cy"), user("Bo"), user("Al")],
    calls: [withLead],
  });

  it("stand in the shell's order, each with their call when it may be seen", () => {
    expect(rows.map((row) => row.user.first_name)).toEqual(["Al", "Bo", "Cy"]);
    expect(rows.map((row) => row.call?.id ?? null)).toEqual([null, "a", null]);
  });

  it("are found by name, e-mail and lead", () => {
    const found = (query: string) => matching(rows, query, "everyone").map((row) => row.user.id);
    expect(found("glob")).toEqual(["user_Bo"]);
    expect(found("CY@")).toEqual(["user_Cy"]);
    expect(matching(rows, "", "on-call")).toHaveLength(2);
  });

  it("w5: coaches are shown as they came, and no longer when they left", () => {
    const leg = (id: string, date_created: string, status: string) => ({
      id,
      date_created,
      status,
    });
    const coached = {
      ...withLead,
      coach_legs: [
        leg("c", "3", "connected"),
        leg("b", "2", "done"),
        leg("a", "1", "reconnecting"),
      ],
    } as never as Call;
    expect(coachesOn(coached).map(({ id }) => id)).toEqual(["a", "c"]);
  });

  it("modes that were used are told once each", () => {
    const entry = (action: string) => ({ action, timestamp: START });
    const history = ["listen", "muted", "barge", "listen", "whisper"].map(entry);
    expect(modesUsed({ mode: "listen", participation_history: history } as never)).toEqual([
      "listen",
      "barge",
      "whisper",
    ]);
  });
});

describe("keys", () => {
  const key = (key: string, code: string, more = {}) => ({
    key,
    code,
    ctrlKey: false,
    altKey: false,
    shiftKey: false,
    metaKey: false,
    ...more,
  });

  it("do what Settings says", () => {
    expect(actionOf(key("l", "KeyL"))).toEqual({ does: "mode", mode: "listen" });
    expect(actionOf(key("W", "KeyW"))).toEqual({ does: "mode", mode: "whisper" });
    expect(actionOf(key("b", "KeyB"))).toEqual({ does: "barge", alt: false });
    expect(actionOf(key("b", "KeyN", { altKey: true }))).toEqual({ does: "barge", alt: true });
    expect(actionOf(key("∫", "KeyB", { altKey: true }))).toEqual({ does: "barge", alt: true });
    expect(actionOf(key("x", "KeyB", { altKey: true }))).toBeNull();
    expect(actionOf(key("µ", "KeyM", { altKey: true }))).toEqual({ does: "mute", alt: true });
    expect(actionOf(key("w", "KeyW", { altKey: true }))).toBeNull();
    expect(actionOf(key("b", "KeyB", { ctrlKey: true }))).toBeNull();
    expect(actionOf(key("2", "Digit2", { altKey: true }))).toEqual({ does: "page", page: "team" });
  });

  it("make nobody audible to a lead when one is pressed alone", () => {
    const told = (["alt", "hold", "off"] as const).map((keys) => [
      audibly(false, keys),
      audibly(true, keys),
      audibleKeysOf("B", keys),
    ]);
    expect(told).toEqual([
      ["never", "now", "Alt B"],
      ["held", "never", "Hold B"],
      ["never", "never", null],
    ]);
    for (const keys of ["alt", "hold", "off"] as const) {
      expect(windowKeys(keys).map(({ keys }) => keys)).not.toContain("B");
    }
  });

  it("make an accelerator when they are whole", () => {
    const both = { ctrlKey: true, altKey: true };
    expect(acceleratorOf(key(" ", "Space", both))).toBe("Control+Alt+Space");
    expect(acceleratorOf(key("Control", "ControlLeft", { ctrlKey: true }))).toBeNull();
    expect(acceleratorOf(key("v", "KeyV"))).toBeNull();
    expect(acceleratorOf(key("V", "KeyV", { shiftKey: true }))).toBeNull();
    expect(acceleratorOf(key("F9", "F9"))).toBe("F9");
    expect(keysOf("Control+Alt+Space")).toEqual(["Ctrl", "Alt", "Space"]);
  });

  it("are left to fields and menus", () => {
    document.body.innerHTML =
      '<input id="text"><input id="box" type="checkbox"><div role="menu"><b id="menu"></b></div><p id="p"></p>';
    const takes = (id: string) => takesLetters(document.getElementById(id));
    expect([takes("text"), takes("box"), takes("menu"), takes("p")]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe("addresses", () => {
  it("lead to pages and back", () => {
    for (const hash of ["#/leads", "#/leads/lead_1", "#/team", "#/settings"]) {
      expect(hashOf(routeOf(hash))).toBe(hash);
    }
    expect(routeOf("")).toEqual({ page: "leads" });
    expect(routeOf("#/nonsense")).toEqual({ page: "leads" });
  });
});
