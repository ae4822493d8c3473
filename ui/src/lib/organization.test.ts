import { describe, expect, it } from "vitest";
import type { CallRecording, CoachLeg, PlanInfo, SpendOfDay } from "../backend";
import { bars, filled, roundUp, scaleOf } from "./chart";
import { balanceState, exactDollarsText, microDollarsOf } from "./money";
import { daysOf, monthsOf, periodOf } from "./periods";
import { lostFeatures } from "./plans";
import { bandsAt, bandsOf, bandText, columnsOf, percentOf, waveform } from "./recording";
import { ORGANIZATION_PAGES } from "./pages";
import { hashOf, routeOf } from "./route";
import { modesUsed, REFUSAL_WORDS } from "./words";

const START = Date.parse("2026-11-22T10:00:00.000Z");
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();

const recording: CallRecording = {
  status: "stored",
  date_started: at(0),
  duration_ms: 100_000,
  bytes: 1,
  gaps: [],
};

function leg(history: [CoachLeg["participation_history"][number]["action"], number][]): CoachLeg {
  return {
    id: "leg",
    user_id: "user_morgan",
    device_id: "devi",
    status: "done",
    mode: "listen",
    muted: false,
    date_created: at(0),
    date_connected: at(0),
    date_done: null,
    end_reason: null,
    participation_history: history.map(([action, seconds]) => ({
      action,
      timestamp: at(seconds),
    })),
  };
}

const told = (of: CoachLeg) =>
  bandsOf(of, recording).map(({ mode, from_ms, to_ms }) => [mode, from_ms / 1000, to_ms / 1000]);

describe("the marks of a recording", () => {
  it("r3: say when each coach was there and in which mode", () => {
    const of = leg([
      ["listen", 10],
      ["whisper", 20],
      ["muted", 25],
      ["unmuted", 26],
      ["moved_device", 27],
      ["barge", 40],
      ["moved_to_listen", 50],
      ["left", 60],
    ]);
    expect(told(of)).toEqual([
      ["listen", 10, 20],
      ["whisper", 20, 40],
      ["barge", 40, 50],
      ["listen", 50, 60],
    ]);
    expect(modesUsed(of)).toEqual(["listen", "whisper", "barge"]);
  });

  it("r3: stop while the sound was lost, and go on in the mode before", () => {
    const of = leg([
      ["listen", 5],
      ["barge", 10],
      ["connection_lost", 20],
      ["reconnected", 30],
    ]);
    expect(told({ ...of, date_done: at(45) })).toEqual([
      ["listen", 5, 10],
      ["barge", 10, 20],
      ["barge", 30, 45],
    ]);
  });

  it("r3: stay within the recording, and last to its end for who did not leave before", () => {
    expect(told(leg([["listen", -20]]))).toEqual([["listen", 0, 100]]);
    expect(
      told(
        leg([
          ["listen", 90],
          ["left", 400],
        ]),
      ),
    ).toEqual([["listen", 90, 100]]);
    expect(told(leg([["listen", 300]]))).toEqual([]);
    expect(told(leg([]))).toEqual([]);
  });

  it("r1: say of a whisper that it is not in the recording, and of nothing else", () => {
    expect(bandText({ mode: "whisper" }, "Morgan")).toBe("Morgan: Whisper, not in the recording");
    expect(bandText({ mode: "barge" }, "Morgan")).toBe("Morgan: Barge");
    expect(bandText({ mode: "listen" }, "Morgan")).toBe("Morgan: Listen");
  });

  it("are found by their moment", () => {
    const bands = bandsOf(
      leg([
        ["listen", 10],
        ["barge", 20],
        ["left", 30],
      ]),
      recording,
    );
    expect(bandsAt(bands, 9_999)).toEqual([]);
    expect(bandsAt(bands, 20_000).map(({ mode }) => mode)).toEqual(["barge"]);
    expect(bandsAt(bands, 30_000)).toEqual([]);
  });
});

describe("the waveform", () => {
  it("keeps the loudest of each column", () => {
    const peaks = [0, 255, 10, 20, 51];
    expect(columnsOf({ interval_ms: 100, peaks }, 3)).toEqual([1, 20 / 255, 0.2]);
    expect(columnsOf({ interval_ms: 100, peaks: [] }, 3)).toEqual([]);
  });

  it("is one stroke for each column, as high as it is loud", () => {
    expect(waveform({ interval_ms: 100, peaks: [255, 0] }, 10, 20)).toBe(
      "M2.5 1.0V19.0M7.5 9.5V10.5",
    );
  });

  it("takes an hour of pieces", () => {
    const peaks = Array.from({ length: 180_000 }, (_, at) => at % 256);
    const path = waveform({ interval_ms: 20, peaks }, 800, 64);
    expect(path.match(/M/g)?.length).toBeLessThanOrEqual(400);
  });

  it("knows a place as a share", () => {
    expect(percentOf(25_000, 100_000)).toBe(25);
    expect(percentOf(5, 0)).toBe(0);
    expect(percentOf(200, 100)).toBe(100);
  });
});

describe("b2: amounts", () => {
  it("are exact to the micro-dollar", () => {
    expect(exactDollarsText(20_000)).toBe("$0.0200");
    expect(exactDollarsText(1_234_567)).toBe("$1.234567");
    expect(exactDollarsText(-4_001)).toBe("-$0.004001");
    expect(exactDollarsText(0)).toBe("$0.0000");
  });

  it("are read as they are typed, or not at all", () => {
    expect(microDollarsOf("10")).toBe(10_000_000);
    expect(microDollarsOf("$0.004")).toBe(4_000);
    expect(microDollarsOf(" 0.000001 ")).toBe(1);
    expect(microDollarsOf("0.1")).toBe(100_000);
    for (const wrong of ["", "-1", "1,5", "1.2345678", "1e3", "ten", "."]) {
      expect(microDollarsOf(wrong)).toBeNull();
    }
  });
});

describe("b3: a balance", () => {
  it("below zero is told before a low one", () => {
    const low_balance_micro_dollars = 1_000_000;
    const of = (balance_micro_dollars: number) =>
      balanceState({
        balance_micro_dollars,
        low_balance_micro_dollars,
        is_low: balance_micro_dollars < low_balance_micro_dollars,
      });
    expect([of(2_000_000), of(0), of(-1)]).toEqual(["good", "low", "negative"]);
  });
});

describe("the chart", () => {
  const day = (date: string, coaching: number, call: number): SpendOfDay => ({
    date,
    coaching_micro_dollars: coaching,
    call_micro_dollars: call,
  });

  it("has a bar for each day, also for one without spend", () => {
    const days = filled(["2026-11-20", "2026-11-21"], [day("2026-11-21", 4_000, 6_000)]);
    expect(days[0]).toEqual(day("2026-11-20", 0, 0));
    const [none, some] = bars(days, 100, 50);
    expect(none).toMatchObject({ coaching_height: 0, call_height: 0 });
    expect(some).toMatchObject({ coaching_height: 20, call_height: 30, x: 57.5, width: 35 });
  });

  it("has a round scale that nothing goes above", () => {
    expect([1, 3, 7, 12_000, 20_000].map(roundUp)).toEqual([1, 5, 10, 20_000, 20_000]);
    expect(roundUp(0)).toBe(1);
    expect(scaleOf([])).toBe(1);
    expect(scaleOf([day("a", 4_000, 10_000)])).toBe(20_000);
  });

  it("knows days and months in UTC, across the end of a year", () => {
    const from = Date.parse("2025-12-30T23:59:00Z");
    const to = Date.parse("2026-01-02T00:01:00Z");
    expect(daysOf(from, to)).toEqual(["2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02"]);
    expect(monthsOf(from, to)).toEqual(["2025-12", "2026-01"]);
  });

  it("begins a period where it says", () => {
    expect(periodOf("week", START)).toEqual({ from: at(-7 * 86_400), to: null });
    expect(periodOf("all", START)).toEqual({ from: null, to: null });
  });
});

describe("j3: a plan", () => {
  const plan = (...included: string[]): PlanInfo => ({
    plan: "startup",
    name: "x",
    on_sale: true,
    has_call_coaching: included.includes("Call Coaching"),
    features: ["Calling", "Recording", "Call Coaching"].map((name) => ({
      name,
      description: "",
      included: included.includes(name),
    })),
  });

  it("tells what is lost by another", () => {
    expect(lostFeatures(plan("Calling", "Call Coaching"), plan("Calling"))).toEqual([
      "Call Coaching",
    ]);
    expect(lostFeatures(plan("Calling"), plan("Calling", "Recording"))).toEqual([]);
    expect(lostFeatures(undefined, plan())).toEqual([]);
  });
});

it("every page about the organization has an address", () => {
  for (const page of ORGANIZATION_PAGES) expect(routeOf(hashOf({ page }))).toEqual({ page });
});

it("a4: what was refused has words in the log, never its code", () => {
  expect(REFUSAL_WORDS.permission_required).toContain("permission");
  for (const [code, words] of Object.entries(REFUSAL_WORDS)) expect(words).not.toBe(code);
});
