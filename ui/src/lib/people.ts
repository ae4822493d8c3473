// Who is where: members, their presence and their calls, as rows that a page shows.
import type { Call, CoachLeg, User, UserAvailability } from "../backend";
import { fullName, underWay } from "./words";

export type Presence = "on-call" | "online" | "offline";
export type PersonFilter = "everyone" | "on-call" | "online";

/** One member, as the Team page shows it. */
export type Person = {
  user: User;
  presence: Presence;
  /** Whether the desktop app is online: only those can be invited. */
  native: boolean;
  /** The call in progress, when it is one that may be seen. */
  call: Call | null;
  /** The lead's name, also when only the presence tells of the call. */
  leadName: string | null;
};

export const PRESENCE_WORDS: Record<Presence, string> = {
  "on-call": "On a call",
  online: "Online",
  offline: "Offline",
};

/** The members with presence and call, by name. */
export function people(
  users: readonly User[],
  availability: readonly UserAvailability[],
  calls: readonly Call[],
): Person[] {
  const known = new Map(availability.map((one) => [one.user_id, one.availability]));
  const callOf = new Map(calls.filter(underWay).map((call) => [call.user_id, call]));
  return sortedByName(users).map((user) => {
    const clients = known.get(user.id) ?? [];
    const online = clients.some((client) => client.status === "online");
    const call = callOf.get(user.id) ?? null;
    const told = clients.flatMap((client) => client.active_calls)[0];
    const leadName = call?.lead.display_name ?? told?.lead.display_name ?? null;
    return {
      user,
      presence: leadName !== null ? "on-call" : online ? "online" : "offline",
      native: clients.some((client) => client.type === "native" && client.status === "online"),
      call,
      leadName,
    };
  });
}

export function sortedByName(users: readonly User[]): User[] {
  return [...users].sort(
    (a, b) => fullName(a).localeCompare(fullName(b)) || a.id.localeCompare(b.id),
  );
}

/** Those who match what was typed (name, e-mail or lead) and the filter. */
export function matching(rows: readonly Person[], query: string, filter: PersonFilter): Person[] {
  const wanted = query.trim().toLowerCase();
  return rows.filter(({ user, presence, leadName }) => {
    if (filter === "on-call" && presence !== "on-call") return false;
    if (filter === "online" && presence === "offline") return false;
    const text = `${fullName(user)} ${user.email} ${leadName ?? ""}`.toLowerCase();
    return text.includes(wanted);
  });
}

/** The coaches who are on the call, in the order in which they came. */
export function coachesOn(call: Call): CoachLeg[] {
  return call.coach_legs
    .filter((leg) => leg.status !== "done")
    .sort((a, b) => a.date_created.localeCompare(b.date_created) || a.id.localeCompare(b.id));
}
