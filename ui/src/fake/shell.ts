// What the shell works out of the state before it tells the window: the twin of the session's `people`,
// `modes` and `occupied`, as far as a page can see them.
import type { AppView, Call, CoachMode } from "../backend";

/** Who is online, with which client, on which calls: what the service says, and the shell keeps. */
export type UserAvailability = {
  user_id: string;
  availability: {
    type: "native" | "web" | "mobile";
    status: "online" | "offline";
    active_calls: Pick<Call, "id" | "lead">[];
  }[];
};

type Derived = Pick<AppView, "people" | "modes" | "occupied" | "has_call_coaching">;

const MODES: readonly CoachMode[] = ["listen", "whisper", "barge"];

export function derived(view: AppView, availability: readonly UserAvailability[]): Derived {
  const { me, users, calls } = view;
  const permissions = me?.role.permissions ?? [];
  const known = new Map(availability.map((one) => [one.user_id, one.availability]));
  const people = users.map((user) => {
    const clients = known.get(user.id) ?? [];
    const call = calls.find(({ user_id }) => user_id === user.id);
    const lead = (call ?? clients.flatMap((client) => client.active_calls)[0])?.lead;
    const online = clients.some(({ status }) => status === "online");
    const person = {
      user_id: user.id,
      presence: lead ? ("on-call" as const) : online ? ("online" as const) : ("offline" as const),
      call_id: call?.id ?? null,
      lead_name: lead?.display_name ?? null,
    };
    return { person, name: `${user.first_name} ${user.last_name}` };
  });
  people.sort((a, b) => a.name.localeCompare(b.name));
  return {
    people: people.map(({ person }) => person),
    modes: MODES.map((mode) => {
      const allowed =
        permissions.includes("call_coach_barge") ||
        (mode === "listen" && permissions.includes("call_coach_listen"));
      const name = mode === "listen" ? "Listen" : "Whisper & Barge";
      return { mode, refusal: allowed ? null : `Your role does not have the ${name} permission` };
    }),
    occupied: view.my_call
      ? "You are on a call"
      : view.coaching
        ? "You are coaching a call"
        : view.connection === "online"
          ? null
          : "There is no connection to the service",
    has_call_coaching: !me || ["business_legacy", "enterprise"].includes(me.organization.plan),
  };
}
