// Members as rows that a page shows. Where each is, and in which order they stand, the shell says.
import type { AppView, Call, CoachLeg, Person, User } from "../backend";
import { fullName } from "./words";

export type Presence = Person["presence"];
export type PersonFilter = "everyone" | "on-call" | "online";

/** One member, as a page shows it. */
export type Row = Person & {
  user: User;
  /** The call in progress, when it is one that may be seen. */
  call: Call | null;
};

export const PRESENCE_WORDS: Record<Presence, string> = {
  "on-call": "On a call",
  online: "Online",
  offline: "Offline",
};

/** The members with user and call. */
export function people(view: Pick<AppView, "people" | "users" | "calls"> | null): Row[] {
  const users = new Map(view?.users.map((user) => [user.id, user]));
  const calls = new Map(view?.calls.map((call) => [call.id, call]));
  return (view?.people ?? []).flatMap((person) => {
    const user = users.get(person.user_id);
    const call = person.call_id === null ? undefined : calls.get(person.call_id);
    return user ? [{ ...person, user, call: call ?? null }] : [];
  });
}

export function sortedByName(users: readonly User[]): User[] {
  return [...users].sort(
    (a, b) => fullName(a).localeCompare(fullName(b)) || a.id.localeCompare(b.id),
  );
}

/** Those who match what was typed (name, e-mail or lead) and the filter. */
export function matching(rows: readonly Row[], query: string, filter: PersonFilter): Row[] {
  const wanted = query.trim().toLowerCase();
  return rows.filter(({ user, presence, lead_name }) => {
    if (filter === "on-call" && presence !== "on-call") return false;
    if (filter === "online" && presence === "offline") return false;
    const text = `${fullName(user)} ${user.email} ${lead_name ?? ""}`.toLowerCase();
    return text.includes(wanted);
  });
}

/** How far a coach is heard now: by the lead, by the rep, by nobody while muted, or by nobody at all. */
function reach({ mode, muted, status }: CoachLeg): number {
  if (mode === "listen") return 4;
  const audible = status === "connected" && !muted;
  return (mode === "barge" ? 0 : 1) + (audible ? 0 : 2);
}

/** Whoever is heard farthest first; those who are heard alike stay in their order. */
export function byReach(legs: readonly CoachLeg[]): CoachLeg[] {
  return [...legs].sort((a, b) => reach(a) - reach(b));
}

/** The coaches who are on the call, in the order in which they came. */
export function coachesOn(call: Call): CoachLeg[] {
  return call.coach_legs
    .filter((leg) => leg.status !== "done")
    .sort((a, b) => a.date_created.localeCompare(b.date_created) || a.id.localeCompare(b.id));
}

/** The name of the lead of the call that the user is on, as its rep or as a coach. */
export function leadOf(
  view: Pick<AppView, "my_call" | "coaching" | "calls"> | null,
): string | undefined {
  const coached = view?.calls.find(({ id }) => id === view.coaching?.call_id);
  return (view?.my_call?.call ?? coached)?.lead.display_name;
}
