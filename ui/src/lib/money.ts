// Money is integers: micro-dollars, as in the service's ledger.
import type { Balance } from "../backend";

/** Micro-dollars with four decimals, as the rate is told: 4000 is `$0.0040`. */
export function dollarsText(microDollars: number): string {
  const sign = microDollars < 0 ? "-" : "";
  // Tens of a ten-thousandth are rounded half up, in integers.
  const tenThousandths = Math.floor((Math.abs(microDollars) + 50) / 100);
  const whole = Math.floor(tenThousandths / 10_000);
  return `${sign}$${whole}.${String(tenThousandths % 10_000).padStart(4, "0")}`;
}

/** The price of coaching, told before joining (B1). */
export function rateText(ratePerMinute: number): string {
  return `${dollarsText(ratePerMinute)} per minute`;
}

/** An amount to the last micro-dollar: four decimals, and as many more as it has. */
export function exactDollarsText(microDollars: number): string {
  if (microDollars % 100 === 0) return dollarsText(microDollars);
  const sign = microDollars < 0 ? "-" : "";
  const whole = Math.floor(Math.abs(microDollars) / 1_000_000);
  const rest = String(Math.abs(microDollars) % 1_000_000).padStart(6, "0");
  return `${sign}$${whole}.${rest}`;
}

/** Dollars as somebody types them, as micro-dollars; null when that is no amount. */
export function microDollarsOf(text: string): number | null {
  const parts = /^\s*\$?\s*(\d{1,9})(?:\.(\d{1,6}))?\s*$/.exec(text);
  if (!parts) return null;
  return Number(parts[1]) * 1_000_000 + Number((parts[2] ?? "").padEnd(6, "0"));
}

export type BalanceState = "good" | "low" | "negative";

/** How the balance stands: below zero goes before low. */
export function balanceState(balance: Balance): BalanceState {
  if (balance.balance_micro_dollars < 0) return "negative";
  return balance.is_low ? "low" : "good";
}
