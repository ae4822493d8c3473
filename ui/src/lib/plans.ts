// What changing the plan changes.
import type { PlanInfo } from "../backend";

/** The features by name that the plan in force holds and the wanted one does not. */
export function lostFeatures(now: PlanInfo | undefined, wanted: PlanInfo): string[] {
  const kept = new Set(wanted.features.filter(({ included }) => included).map(({ name }) => name));
  return (now?.features ?? [])
    .filter(({ name, included }) => included && !kept.has(name))
    .map(({ name }) => name);
}
