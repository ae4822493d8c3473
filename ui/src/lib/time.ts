// Times as numbers, and as words. The clock is always an argument.

/** Milliseconds from the RFC 3339 time `from` to `now`; never negative, 0 when there is no `from`. */
export function elapsedMs(from: string | null, now: number): number {
  if (!from) return 0;
  const start = Date.parse(from);
  return Number.isNaN(start) ? 0 : Math.max(0, now - start);
}

/** Whole seconds as `0:07`, `12:30` or `1:02:03`. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** The time since `from`, as a clock. */
export function elapsedText(from: string | null, now: number): string {
  return clockText(elapsedMs(from, now) / 1000);
}

/** Seconds that are left until `until`, rounded up; 0 when it has passed. */
export function secondsLeft(until: string, now: number): number {
  const end = Date.parse(until);
  return Number.isNaN(end) ? 0 : Math.max(0, Math.ceil((end - now) / 1000));
}

/** A past moment for people: the time today, else the day and the time. */
export function momentText(date: string, now: number, locale?: string): string {
  const moment = new Date(date);
  if (Number.isNaN(moment.getTime())) return "";
  const today = new Date(now);
  const time = moment.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  if (moment.toDateString() === today.toDateString()) return `Today, ${time}`;
  const yesterday = new Date(now - 86_400_000);
  if (moment.toDateString() === yesterday.toDateString()) return `Yesterday, ${time}`;
  const day: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
  if (moment.getFullYear() !== today.getFullYear()) day.year = "numeric";
  return `${moment.toLocaleDateString(locale, day)}, ${time}`;
}
