// The spend as bars: where each one stands in a drawing of a given size.
import type { SpendOfDay } from "../backend";

export type Bar = {
  /** The day, or the month. */
  date: string;
  coaching_micro_dollars: number;
  call_micro_dollars: number;
  x: number;
  width: number;
  /** From the foot of the drawing up. */
  coaching_height: number;
  call_height: number;
};

/** The dates with what was spent on each, also where that was nothing. */
export function filled(dates: readonly string[], spend: readonly SpendOfDay[]): SpendOfDay[] {
  const known = new Map(spend.map((day) => [day.date, day]));
  return dates.map(
    (date) => known.get(date) ?? { date, coaching_micro_dollars: 0, call_micro_dollars: 0 },
  );
}

/** The next round amount at or above this one: 1, 2 or 5 with noughts. */
export function roundUp(microDollars: number): number {
  if (microDollars <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(microDollars));
  const step = [1, 2, 5, 10].find((step) => step * power >= microDollars) ?? 10;
  return step * power;
}

/** The highest amount that the scale of these days goes up to. */
export function scaleOf(days: readonly SpendOfDay[]): number {
  return roundUp(
    Math.max(0, ...days.map((day) => day.coaching_micro_dollars + day.call_micro_dollars)),
  );
}

/** A bar for each day, coaching upon calls, in a drawing that is that wide and high. */
export function bars(days: readonly SpendOfDay[], width: number, height: number): Bar[] {
  const scale = scaleOf(days);
  const place = width / Math.max(1, days.length);
  return days.map((day, at) => ({
    ...day,
    x: at * place + place * 0.15,
    width: place * 0.7,
    coaching_height: (day.coaching_micro_dollars / scale) * height,
    call_height: (day.call_micro_dollars / scale) * height,
  }));
}
