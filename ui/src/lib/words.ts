// What the app says: one place for the words that stand for states.
import type {
  AppView,
  AuditAction,
  Call,
  CallRecording,
  CoachLeg,
  CoachMode,
  Coaching,
  Invitation,
  Joinability,
  LeadQuality,
  LedgerKind,
  MemberInvite,
  Permission,
  PhoneNumber,
  Plan,
  Quality,
  RecordingOverride,
  User,
} from "../backend";
import { ORGANIZATION, ORGANIZATION_PAGES, type OrganizationPage } from "./pages";
import type { Route } from "./route";
import { clockText } from "./time";

export const PAGE_NAMES: Record<Route["page"], string> = {
  leads: "Leads",
  lead: "Lead",
  team: "Team",
  settings: "Settings",
  ...(Object.fromEntries(
    ORGANIZATION_PAGES.map((page) => [page, ORGANIZATION[page].title]),
  ) as Record<OrganizationPage, string>),
};

export const MODES: readonly CoachMode[] = ["listen", "whisper", "barge"];

export const MODE_NAMES: Record<CoachMode, string> = {
  listen: "Listen",
  whisper: "Whisper",
  barge: "Barge",
};

/** What a teammate in that mode is doing, for the rep who sees it (W5). */
export const MODE_DOINGS: Record<CoachMode, string> = {
  listen: "Listening",
  whisper: "Whispering",
  barge: "Barging",
};

export const PLAN_NAMES: Record<Plan, string> = {
  startup: "Startup",
  professional: "Professional",
  business_legacy: "Business (legacy)",
  enterprise: "Enterprise",
};

export function fullName(user: User | undefined): string {
  return user ? `${user.first_name} ${user.last_name}`.trim() : "A teammate";
}

export function firstName(user: User | undefined): string {
  return user?.first_name ?? "the rep";
}

export function initials(user: User | undefined): string {
  if (!user) return "?";
  return `${user.first_name.charAt(0)}${user.last_name.charAt(0)}`.toUpperCase();
}

/** Who hears the coach now, in words. `rep` is the rep's first name; `silent` says why the microphone
 * captures nothing, if it doesn't. */
export function audienceText(
  coaching: Pick<Coaching, "audience" | "muted" | "connected" | "mode">,
  rep: string,
  silent: string | null = null,
): string {
  if (!coaching.connected) return "Nobody hears you until you are connected again";
  if (coaching.mode === "listen") return "Nobody hears you";
  if (coaching.muted) return "Nobody hears you: muted";
  if (silent !== null) return unheardText(silent);
  if (coaching.audience === "rep") return `Only ${rep} hears you`;
  if (coaching.audience === "everybody") return `${rep} and the lead hear you`;
  return "Nobody hears you";
}

const inside = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1);

/** The microphone captures nothing, for that reason. */
export function unheardText(trouble: string): string {
  return `No one hears you: ${inside(trouble)}`;
}

/** What is wrong with microphone and loudspeaker, in sentences. In Listen the microphone is closed. */
export function soundTroubles(
  view: Pick<
    AppView,
    "microphone_trouble" | "microphone_silent" | "loudspeaker_trouble" | "loudspeaker_silent"
  > | null,
  listens = false,
): string[] {
  const { microphone_trouble: microphone, loudspeaker_trouble: loudspeaker } = view ?? {};
  const troubles: string[] = [];
  if (microphone && view?.microphone_silent && !listens) troubles.push(unheardText(microphone));
  else if (microphone && (view?.microphone_silent || !listens)) troubles.push(microphone);
  if (loudspeaker && view?.loudspeaker_silent) {
    troubles.push(`You can't hear the call: ${inside(loudspeaker)}`);
  } else if (loudspeaker) troubles.push(loudspeaker);
  return troubles;
}

export const STATUS_WORDS: Record<Call["status"], string> = {
  created: "Calling…",
  ringing: "Ringing…",
  "in-progress": "In progress",
  completed: "Completed",
  busy: "Busy",
  "no-answer": "No answer",
  cancel: "Cancelled",
  failed: "Failed",
};

/** Why a call ended, where its status does not say it already. */
const CAUSE_WORDS: Partial<Record<NonNullable<Call["hangup_cause"]>, string>> = {
  unreachable: "the number could not be reached",
  network_failed: "the phone network failed",
  lead_lost: "the phone was lost",
  rep_lost: "the rep's connection was lost",
  service_stopped: "the service was stopped",
};

/** What became of a call: how it ended, how long it was, and why. */
export function outcomeText(call: Pick<Call, "status" | "hangup_cause" | "duration">): string {
  const { status, hangup_cause, duration } = call;
  const declined = status === "busy" && hangup_cause === "declined";
  const words = declined ? "Declined" : STATUS_WORDS[status];
  const cause = hangup_cause ? CAUSE_WORDS[hangup_cause] : undefined;
  return [words, duration > 0 ? clockText(duration) : undefined, cause]
    .filter((part) => part !== undefined)
    .join(" · ");
}

/** Whether the call is still going on. */
export function underWay({ status }: Pick<Call, "status">): boolean {
  return ["created", "ringing", "in-progress"].includes(status);
}

export const END_WORDS: Record<NonNullable<CoachLeg["end_reason"]>, string> = {
  left: "left",
  call_ended: "until the end",
  permission_revoked: "permission taken away",
  plan_changed: "plan changed",
  deactivated: "deactivated",
  connection_lost: "connection lost",
  service_stopped: "service stopped",
};

/** The modes that a coach was in, in the order in which each was first used. */
export function modesUsed(leg: CoachLeg): CoachMode[] {
  const used: CoachMode[] = [];
  for (const { action } of leg.participation_history) {
    const mode = MODES.find((mode) => mode === action);
    if (mode && !used.includes(mode)) used.push(mode);
  }
  if (used.length === 0) used.push(leg.mode);
  return used;
}

export const INVITATION_WORDS: Record<Invitation["status"], string> = {
  open: "Invited",
  accepted: "Joined",
  declined: "Declined",
  expired: "No answer",
  cancelled: "Cancelled",
};

export const NUMBER_KINDS: Record<PhoneNumber["type"], string> = {
  internal: "Internal: can be coached",
  external: "External: cannot be coached",
  virtual: "Virtual: cannot be coached",
};

/** What each kind of number means for coaching (J1). */
export const NUMBER_MEANINGS: Record<PhoneNumber["type"], string> = {
  internal: "A line of your own. Outbound calls from it can be coached.",
  external: "Only shown as caller id. Calls from it cannot be coached.",
  virtual: "Forwards to another number. Calls from it cannot be coached.",
};

export const NUMBER_NAMES: Record<PhoneNumber["type"], string> = {
  internal: "Internal",
  external: "External",
  virtual: "Virtual",
};

export const PERMISSION_NAMES: Record<Permission, string> = {
  call_coach_listen: "Listen",
  call_coach_barge: "Whisper & Barge",
  manage_organization: "Manage the organization",
  delete_recordings: "Delete recordings",
};

export const PERMISSION_MEANINGS: Record<Permission, string> = {
  call_coach_listen: "Join calls in progress and hear rep and lead.",
  call_coach_barge: "Speak to the rep alone, or to everybody on the call. Includes Listen.",
  manage_organization: "Members, roles, groups, numbers, plan, usage and the audit log.",
  delete_recordings: "Delete recordings of calls for good.",
};

export const RECORDING_NAMES: Record<RecordingOverride, string> = {
  inherit: "As the organization",
  on: "Always",
  off: "Never",
};

export const RECORDING_WORDS: Record<CallRecording["status"], string> = {
  recording: "The recording is still being saved",
  paused: "The recording is paused",
  stored: "Recorded",
  failed: "The recording could not be kept",
  deleted: "The recording was deleted",
};

export const MEMBER_INVITE_WORDS: Record<MemberInvite["status"], string> = {
  open: "Open",
  used: "Used",
  revoked: "Revoked",
  expired: "Expired",
};

/** What a balance that does not stand well means (B3). */
export const BALANCE_WORDS: Record<"low" | "negative", string> = {
  low: "The usage balance is low. Coaches cannot join calls once it cannot pay for a minute.",
  negative:
    "The usage balance is below zero. Coaches on calls stay, but nobody can join until it is topped up.",
};

export const LEDGER_WORDS: Record<LedgerKind, string> = {
  coaching: "Coaching",
  call: "Call",
  top_up: "Top up",
};

export const AUDIT_WORDS: Record<AuditAction, string> = {
  sign_in: "Signed in",
  sign_out: "Signed out",
  coach_join: "Joined a call",
  coach_mode: "Switched the mode",
  coach_leave: "Left a call",
  coach_removed: "Was put out of a call",
  coach_moved_to_listen: "Was moved to Listen",
  coach_invited: "Invited to coach",
  recording_played: "Played a recording",
  recording_downloaded: "Downloaded a recording",
  recording_deleted: "Deleted a recording",
  recording_paused: "Paused or resumed a recording",
  member_invited: "Invited a member",
  member_invite_revoked: "Revoked an invitation",
  member_joined: "Became a member",
  member_changed: "Changed a member",
  role_changed: "Changed a role",
  group_changed: "Changed a group",
  phone_number_changed: "Changed a phone number",
  plan_changed: "Changed the plan",
  organization_changed: "Changed the organization",
  topped_up: "Topped up the balance",
  lead_deleted: "Deleted a lead",
  data_exported: "Exported data",
};

/** Why a call cannot be joined, in the service's words; null when it can. */
export function refusal({ joinable, message }: Joinability): string | null {
  return joinable ? null : (message ?? "This call cannot be joined");
}

/** Why something was refused, in a few words for a table. */
export function refusalWords(code: NonNullable<Joinability["code"]>): string {
  const words: Partial<Record<typeof code, string>> = {
    permission_required: "The role lacks the permission",
    plan_required: "The plan lacks the feature",
    insufficient_balance: "The balance does not pay for it",
    inbound_call: "The call came in",
    external_number: "The call shows an external number",
    call_ended: "The call is not in progress",
    call_full: "The call is full",
    own_call: "It is their own call",
    invite_expired: "The invitation is over",
    unauthenticated: "The e-mail address or the password is not right",
    not_found: "There is no such thing for them",
    rate_limited: "Too many tries",
  };
  return words[code] ?? code;
}

export type Grade = "good" | "fair" | "poor";

/** The quality of a connection in one word. Thresholds follow ITU-T G.114 (delay) and what our
 * concealment bears (loss). */
export function grade(quality: Quality): Grade {
  const delay_ms = quality.round_trip_ms ?? 0;
  if (quality.lost_percent >= 5 || quality.jitter_ms >= 60 || delay_ms >= 400) return "poor";
  if (quality.lost_percent >= 1 || quality.jitter_ms >= 25 || delay_ms >= 200) return "fair";
  return "good";
}

export const GRADE_WORDS: Record<Grade, string> = { good: "Good", fair: "Fair", poor: "Poor" };

/** How many of three bars stand for it. */
export const GRADE_BARS: Record<Grade, number> = { good: 3, fair: 2, poor: 1 };

/** What was measured, as one line. */
export function qualityText(quality: Quality): string {
  const delay =
    quality.round_trip_ms === null
      ? ""
      : `, ${Math.round(quality.round_trip_ms)} ms there and back`;
  return `${quality.lost_percent.toFixed(1)} % lost, ${Math.round(quality.jitter_ms)} ms jitter${delay}`;
}

/** The network to the lead's phone in one word. It may take longer than a connection to the service: a
 * phone network has a delay of its own, which people know from phones. */
export function phoneGrade(quality: Omit<LeadQuality, "call_id">): Grade {
  const { jitter_ms, lost_permille } = quality;
  const delay_ms = quality.round_trip_ms ?? 0;
  if (lost_permille >= 50 || jitter_ms >= 60 || delay_ms >= 600) return "poor";
  if (lost_permille >= 10 || jitter_ms >= 30 || delay_ms >= 300) return "fair";
  return "good";
}

/** How the lead's phone is heard, as one line: the word, and what was measured. */
export function phoneQualityText(quality: Omit<LeadQuality, "call_id">): string {
  const { jitter_ms, lost_permille, round_trip_ms } = quality;
  const parts = [
    phoneGrade(quality),
    `${jitter_ms} ms jitter`,
    `${(lost_permille / 10).toFixed(1)} % lost`,
  ];
  if (round_trip_ms !== null) parts.push(`${round_trip_ms} ms round trip`);
  return `Phone: ${parts.join(" · ")}`;
}

/** The keys that the lead pressed, as they are read. */
export function pressedText(keys: string): string {
  return `The lead pressed ${[...keys].join(" ")}`;
}

/** A level in dBov (0 is full scale, -127 silence) as 0 to 100 of a meter that shows -60 and up. */
export function meterPercent(level_dbov: number): number {
  return Math.round(Math.min(100, Math.max(0, ((level_dbov + 60) / 60) * 100)));
}

/** A number as it is read: `+1 555 700 0100` for one in the North American plan, else as it is. */
export function phoneText(number: string): string {
  // Who calls in may withhold it.
  if (number === "") return "Number withheld";
  const parts = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return parts ? `+1 ${parts[1]} ${parts[2]} ${parts[3]}` : number;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
