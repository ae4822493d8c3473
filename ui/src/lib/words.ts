// What the app says: one place for the words that stand for states.
import type {
  AppView,
  AuditAction,
  Call,
  CallRecording,
  ClientType,
  CoachLeg,
  CoachMode,
  Coaching,
  Code,
  ContactLabel,
  Invitation,
  Joinability,
  LeadQuality,
  LedgerKind,
  MemberInvite,
  Permission,
  PhoneNumber,
  Place,
  Plan,
  Quality,
  RecordingOverride,
  User,
} from "../backend";
import { ORGANIZATION, ORGANIZATION_PAGES, type OrganizationPage } from "./pages";
import type { Route } from "./route";
import { clockText, elapsedText } from "./time";

export const PAGE_NAMES: Record<Route["page"], string> = {
  leads: "Leads",
  lead: "Lead",
  import: "Import leads",
  dial: "Dial pad",
  team: "Team",
  settings: "Settings",
  profile: "Profile",
  ...(Object.fromEntries(
    ORGANIZATION_PAGES.map((page) => [page, ORGANIZATION[page].title]),
  ) as Record<OrganizationPage, string>),
};

/** What a sign-in was made with. */
export const CLIENT_NAMES: Record<ClientType, string> = {
  native: "Desktop app",
  web: "Browser",
  mobile: "Mobile app",
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

/** What a coach is doing on the call just now, and whether something is wrong with their microphone (W5). */
export function doingText(
  leg: Pick<CoachLeg, "status" | "mode" | "muted" | "microphone_trouble">,
): string {
  const doing =
    leg.status === "connected"
      ? MODE_DOINGS[leg.mode]
      : leg.status === "connecting"
        ? "Joining…"
        : "Reconnecting…";
  // In Listen the microphone is closed anyway.
  if (leg.mode === "listen") return doing;
  if (leg.microphone_trouble) return `${doing}, microphone problem`;
  return leg.muted ? `${doing}, muted` : doing;
}

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
  return `${initial(user.first_name)}${initial(user.last_name)}`;
}

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The first letter of a name as people count them: with its accents, or a picture of several parts. */
export function initial(name: string): string {
  const [first] = letters.segment(name.trim());
  return first?.segment.toUpperCase() ?? "";
}

/** A name in the middle of a sentence, kept to itself: its direction is not that of what follows. */
export function isolated(name: string): string {
  return `\u2068${name}\u2069`;
}

/** Who hears the coach now, in words. `rep` is the rep's first name; `silent` says why the microphone
 * captures nothing, if it doesn't. */
export function audienceText(
  coaching: Pick<Coaching, "audience" | "muted" | "connected" | "mode">,
  rep: string,
  silent: string | null = null,
): string {
  if (!coaching.connected) return "No one hears you until you're reconnected";
  if (coaching.mode === "listen") return "No one hears you";
  if (coaching.muted) return "No one hears you: you're muted";
  if (silent !== null) return unheardText(silent);
  if (coaching.audience === "rep") return `Only ${rep} hears you`;
  if (coaching.audience === "everybody") return `${rep} and the lead hear you`;
  return "No one hears you";
}

type KeyRingTrouble = NonNullable<AppView["key_ring"]["reading"]>;

/** Why nobody was signed in by what the key ring may hold. */
export const KEY_RING_WORDS: Record<KeyRingTrouble, string> = {
  missing: "No key ring was found, so we couldn't look for a saved sign-in. Sign in below.",
  locked:
    "Your key ring is locked, so we couldn't sign you in. Unlock it and try again, or sign in below.",
  silent: "Your key ring isn't answering, so we couldn't sign you in. Try again, or sign in below.",
  failed: "We couldn't read your saved sign-in from the key ring. Try again, or sign in below.",
};

const NEXT_TIME = "You'll need to sign in again next time.";

/** Why the next start will ask for a password. */
export const NOT_KEPT_WORDS: Record<KeyRingTrouble, string> = {
  missing: `We couldn't save your sign-in: no key ring was found. ${NEXT_TIME}`,
  locked: `We couldn't save your sign-in: your key ring is locked. ${NEXT_TIME}`,
  silent: `We couldn't save your sign-in: your key ring isn't answering. ${NEXT_TIME}`,
  failed: `We couldn't save your sign-in. ${NEXT_TIME}`,
};
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
  unreachable: "the number couldn't be reached",
  network_failed: "the phone network failed",
  lead_lost: "lost connection to the phone",
  rep_lost: "the rep lost connection",
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

/** How far a call in progress has come. Nobody knows without the service. */
export function progressText(call: Call, now: number, online: boolean): string {
  if (!online) return "Not up to date";
  if (call.status === "in-progress") return elapsedText(call.date_answered, now);
  return STATUS_WORDS[call.status];
}

/** Whether the call is still going on. */
export function underWay({ status }: Pick<Call, "status">): boolean {
  return ["created", "ringing", "in-progress"].includes(status);
}

export const END_WORDS: Record<NonNullable<CoachLeg["end_reason"]>, string> = {
  left: "left",
  call_ended: "the call ended",
  permission_revoked: "access removed",
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
  internal: "Internal: calls can be coached",
  external: "External: calls can't be coached",
  virtual: "Virtual: calls can't be coached",
};

/** What each kind of number means for coaching (J1). */
export const NUMBER_MEANINGS: Record<PhoneNumber["type"], string> = {
  internal: "Your own line. Outbound calls from it can be coached.",
  external: "Caller ID only. Calls from it can't be coached.",
  virtual: "Forwards to another number. Calls from it can't be coached.",
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
  call_coach_listen: "Join calls in progress and hear the rep and the lead.",
  call_coach_barge: "Speak to the rep alone, or to everyone on the call. Includes Listen.",
  manage_organization: "Members, roles, groups, numbers, plan, usage and audit log.",
  delete_recordings: "Permanently delete call recordings.",
};

export const RECORDING_NAMES: Record<RecordingOverride, string> = {
  inherit: "Same as organization",
  on: "Always",
  off: "Never",
};

export const RECORDING_WORDS: Record<CallRecording["status"], string> = {
  recording: "Saving the recording…",
  paused: "Recording paused",
  stored: "Recorded",
  failed: "The recording couldn't be saved",
  deleted: "Recording deleted",
};

export const MEMBER_INVITE_WORDS: Record<MemberInvite["status"], string> = {
  open: "Open",
  used: "Used",
  revoked: "Revoked",
  expired: "Expired",
};

/** What a balance that does not stand well means (B3). */
export const BALANCE_WORDS: Record<"low" | "negative", string> = {
  low: "Your usage balance is low. Coaches can't join calls once it runs out.",
  negative:
    "Your usage balance is below zero. Coaches stay on their calls, but no one can join until you add credit.",
};

export const LEDGER_WORDS: Record<LedgerKind, string> = {
  coaching: "Coaching",
  call: "Call",
  top_up: "Credit added",
  credit: "Credit",
  correction: "Correction",
};

export const AUDIT_WORDS: Record<AuditAction, string> = {
  sign_in: "Signed in",
  sign_out: "Signed out",
  coach_join: "Joined a call",
  coach_mode: "Switched mode",
  coach_leave: "Left a call",
  coach_removed: "Was removed from a call",
  coach_moved_to_listen: "Moved to Listen",
  coach_invited: "Invited to coach",
  recording_played: "Played a recording",
  recording_downloaded: "Downloaded a recording",
  recording_deleted: "Deleted a recording",
  recording_paused: "Paused or resumed a recording",
  member_invited: "Invited a member",
  member_invite_revoked: "Revoked an invitation",
  member_joined: "Joined the organization",
  organization_set_up: "Set up the organization",
  organization_suspended: "Suspended or restored the organization",
  member_changed: "Changed a member",
  role_changed: "Changed a role",
  group_changed: "Changed a group",
  phone_number_changed: "Changed a phone number",
  outcome_changed: "Changed an outcome",
  plan_changed: "Changed the plan",
  organization_changed: "Changed the organization",
  topped_up: "Added credit",
  lead_deleted: "Deleted a lead",
  lead_merged: "Merged leads",
  lead_status_changed: "Changed a lead status",
  leads_imported: "Imported leads",
  lead_import_cancelled: "Cancelled an import of leads",
  lead_import_undone: "Undid an import of leads",
  data_exported: "Exported data",
  profile_changed: "Changed their name",
  email_changed: "Changed their email address",
  password_changed: "Changed their password",
  signed_out_elsewhere: "Signed out other devices",
  password_reset_created: "Created a password reset link",
  password_reset: "Reset their password",
  second_factor_set_up: "Set up two-step sign-in",
  second_factor_removed: "Turned off two-step sign-in",
  recovery_codes_renewed: "Created recovery codes",
  password_reset_asked: "Asked for a password reset email",
};

/** Where the app works. */
export function placeText(place: Place | null): string {
  switch (place?.kind) {
    case "server":
      return place.url;
    case "team":
      return "Team on this computer";
    case "demo":
      return "Demo data";
    default:
      return "";
  }
}

/** What only whoever runs the service does (O5). */
export const OPERATOR_CHANGES_PLAN = "Whoever runs the service changes the plan.";
export const OPERATOR_ADDS_CREDIT = "Whoever runs the service adds credit.";

/** Why a call cannot be joined, in the service's words; null when it can. */
export function refusal({ joinable, message }: Joinability): string | null {
  return joinable ? null : (message ?? "You can't join this call");
}

/** The same for who manages the organization, and need not ask another admin. */
export function refusalToManager(
  joinability: Joinability,
  planChangeAllowed: boolean,
): string | null {
  switch (joinability.joinable ? null : joinability.code) {
    case "plan_required":
      return `Your plan doesn't include Call Coaching. ${planChangeAllowed ? "You can change it on the Plan page." : OPERATOR_CHANGES_PLAN}`;
    case "insufficient_balance":
      return "The balance is too low for a minute of coaching. You can see it on the Usage page.";
    case "permission_required":
      return "Your role doesn't have the Listen permission. You can change your role on the Members page.";
    default:
      return refusal(joinability);
  }
}

/** Why something was refused, in a few words for a table. */
export const REFUSAL_WORDS: Record<Code, string> = {
  permission_required: "No permission",
  plan_required: "Not in the plan",
  insufficient_balance: "Balance too low",
  inbound_call: "Inbound call",
  external_number: "External number",
  call_ended: "Call not in progress",
  call_full: "Call full",
  own_call: "Their own call",
  number_refused: "Number not allowed",
  invite_expired: "Invitation expired",
  user_offline: "Desktop app not online",
  unauthenticated: "Incorrect email or password",
  wrong_password: "Incorrect password",
  second_factor_required: "Code needed",
  second_factor_setup_required: "Two-step sign-in not set up",
  wrong_code: "Incorrect code",
  not_found: "Not found",
  rate_limited: "Too many attempts",
  conflict: "Not possible at that moment",
  invalid_request: "Invalid request",
  too_large: "Request too large",
  unavailable: "Service unavailable",
  internal: "Service error",
};

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
    quality.round_trip_ms === null ? "" : `, ${Math.round(quality.round_trip_ms)} ms round trip`;
  return `${quality.lost_percent.toFixed(1)}% lost, ${Math.round(quality.jitter_ms)} ms jitter${delay}`;
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
    `${(lost_permille / 10).toFixed(1)}% lost`,
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

/** Where a phone number or an email address reaches somebody. */
export const CONTACT_LABELS: Record<ContactLabel, string> = {
  office: "Office",
  mobile: "Mobile",
  home: "Home",
  direct: "Direct",
  fax: "Fax",
  other: "Other",
};
