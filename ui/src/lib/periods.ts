// Stretches of time to choose from, by name.

export type Period = "day" | "week" | "month" | "quarter" | "year" | "all";

export const PERIOD_NAMES: Record<Period, string> = {
  day: "Last 24 hours",
  week: "Last 7 days",
  month: "Last 30 days",
  quarter: "Last 90 days",
  year: "Last 12 months",
  all: "All time",
};

const DAYS: Record<Exclude<Period, "all">, number> = {
  day: 1,
  week: 7,
  month: 30,
  quarter: 90,
  year: 365,
};

const DAY_MS = 86_400_000;

/** When the period began, and its end, which is now and open; both null for all time. */
export function periodOf(period: Period, now: number): { from: string | null; to: string | null } {
  if (period === "all") return { from: null, to: null };
  return { from: new Date(now - DAYS[period] * DAY_MS).toISOString(), to: null };
}

/** Every day in UTC from that moment to this one, as `2026-11-23`. */
export function daysOf(from: number, to: number): string[] {
  const days: string[] = [];
  for (let at = Math.floor(from / DAY_MS); at <= Math.floor(to / DAY_MS); at += 1) {
    days.push(new Date(at * DAY_MS).toISOString().slice(0, 10));
  }
  return days;
}

/** Every month in UTC from that moment to this one, as `2026-11`. */
export function monthsOf(from: number, to: number): string[] {
  const first = new Date(from);
  const months: string[] = [];
  for (let at = 0; ; at += 1) {
    const month = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + at, 1));
    if (month.getTime() > to) return months;
    months.push(month.toISOString().slice(0, 7));
  }
}
