// Provisional, by hand, in the shape in which the shell generates this file.
import { invoke as __TAURI_INVOKE } from "@tauri-apps/api/core";
import * as __TAURI_EVENT from "@tauri-apps/api/event";

export const commands = {
  view: () => typedError<AppView, AppError>(__TAURI_INVOKE("view")),
  settings: () => typedError<AppSettings, AppError>(__TAURI_INVOKE("settings")),
  setSettings: (settings: AppSettings) =>
    typedError<SettingsSet, AppError>(__TAURI_INVOKE("set_settings", { settings })),
  soundDevices: () => typedError<SoundDevices, AppError>(__TAURI_INVOKE("sound_devices")),
  testTone: () => typedError<null, AppError>(__TAURI_INVOKE("test_tone")),
  meterMicrophone: (on: boolean) =>
    typedError<null, AppError>(__TAURI_INVOKE("meter_microphone", { on })),
  setServer: (local: boolean, url: string | null) =>
    typedError<null, AppError>(__TAURI_INVOKE("set_server", { local, url })),
  signIn: (email: string, password: string) =>
    typedError<null, AppError>(__TAURI_INVOKE("sign_in", { email, password })),
  signInDemo: (email: string) =>
    typedError<null, AppError>(__TAURI_INVOKE("sign_in_demo", { email })),
  signOut: () => typedError<null, AppError>(__TAURI_INVOKE("sign_out")),
  leads: (query: string) => typedError<Lead[], AppError>(__TAURI_INVOKE("leads", { query })),
  lead: (id: string) => typedError<Lead, AppError>(__TAURI_INVOKE("lead", { id })),
  callsOfLead: (leadId: string) =>
    typedError<Call[], AppError>(__TAURI_INVOKE("calls_of_lead", { leadId })),
  phoneNumbers: () => typedError<PhoneNumber[], AppError>(__TAURI_INVOKE("phone_numbers")),
  groups: () => typedError<Group[], AppError>(__TAURI_INVOKE("groups")),
  invitationTargets: (callId: string) =>
    typedError<InvitationTarget[], AppError>(__TAURI_INVOKE("invitation_targets", { callId })),
  placeCall: (request: PlaceCallRequest) =>
    typedError<Call, AppError>(__TAURI_INVOKE("place_call", { request })),
  hangUp: () => typedError<null, AppError>(__TAURI_INVOKE("hang_up")),
  hold: (held: boolean) => typedError<null, AppError>(__TAURI_INVOKE("hold", { held })),
  dtmf: (digits: string) => typedError<null, AppError>(__TAURI_INVOKE("dtmf", { digits })),
  mute: (muted: boolean) => typedError<null, AppError>(__TAURI_INVOKE("mute", { muted })),
  invite: (userIds: string[]) =>
    typedError<Invitation[], AppError>(__TAURI_INVOKE("invite", { userIds })),
  decline: (invitationId: string) =>
    typedError<null, AppError>(__TAURI_INVOKE("decline", { invitationId })),
  join: (callId: string, invitationId: string | null) =>
    typedError<null, AppError>(__TAURI_INVOKE("join", { callId, invitationId })),
  setMode: (mode: CoachMode) => typedError<null, AppError>(__TAURI_INVOKE("set_mode", { mode })),
  leave: () => typedError<null, AppError>(__TAURI_INVOKE("leave")),
  holdToWhisper: (held: boolean) =>
    typedError<null, AppError>(__TAURI_INVOKE("hold_to_whisper", { held })),
  openWindow: () => typedError<null, AppError>(__TAURI_INVOKE("open_window")),
};

export const events = {
  viewChanged: makeEvent<AppView>("view-changed"),
  levels: makeEvent<Levels>("levels"),
  microphoneLevel: makeEvent<MicrophoneLevel>("microphone-level"),
  quality: makeEvent<Quality>("quality"),
  told: makeEvent<Told>("told"),
  invitationSent: makeEvent<Invitation>("invitation-sent"),
  soundDevicesChanged: makeEvent<SoundDevices>("sound-devices-changed"),
  openCall: makeEvent<OpenCall>("open-call"),
};

export type CoachMode = "listen" | "whisper" | "barge";
export type Code =
  | "inbound_call"
  | "external_number"
  | "call_ended"
  | "call_full"
  | "permission_required"
  | "plan_required"
  | "own_call"
  | "insufficient_balance"
  | "invite_expired"
  | "user_offline"
  | "invalid_request"
  | "unauthenticated"
  | "not_found"
  | "rate_limited"
  | "conflict"
  | "too_large"
  | "unavailable"
  | "internal";
export type Joinability = { joinable: boolean; code?: Code | null; message?: string | null };
export type LeadBrief = { id: string; display_name: string };
export type ParticipationEntry = {
  action:
    | "listen"
    | "whisper"
    | "barge"
    | "muted"
    | "unmuted"
    | "moved_device"
    | "connection_lost"
    | "reconnected"
    | "moved_to_listen"
    | "left";
  timestamp: string;
};
export type CoachLeg = {
  id: string;
  user_id: string;
  device_id: string;
  status: "connecting" | "connected" | "reconnecting" | "done";
  mode: CoachMode;
  muted: boolean;
  date_created: string;
  date_connected: string | null;
  date_done: string | null;
  end_reason:
    | "left"
    | "call_ended"
    | "permission_revoked"
    | "plan_changed"
    | "deactivated"
    | "connection_lost"
    | "service_stopped"
    | null;
  participation_history: ParticipationEntry[];
};
export type Call = {
  id: string;
  user_id: string;
  rep_leg_id: string;
  lead: LeadBrief;
  contact_id: string | null;
  direction: "outbound" | "inbound";
  status:
    | "created"
    | "ringing"
    | "in-progress"
    | "completed"
    | "busy"
    | "no-answer"
    | "cancel"
    | "failed";
  local_phone: string;
  local_phone_type: PhoneNumberKind;
  remote_phone: string;
  date_created: string;
  date_answered: string | null;
  date_ended: string | null;
  duration: number;
  hangup_cause:
    | "rep"
    | "lead"
    | "busy"
    | "no_answer"
    | "unreachable"
    | "rep_lost"
    | "service_stopped"
    | null;
  held: boolean;
  muted: boolean;
  recording_url: string | null;
  coach_legs: CoachLeg[];
  joinability: Joinability;
};
export type PhoneNumberKind = "internal" | "external" | "virtual";
export type PlaceCallRequest = {
  local_phone_id: string;
  lead_id: string;
  contact_id?: string | null;
  remote_phone?: string | null;
};
export type Plan = "startup" | "professional" | "business_legacy" | "enterprise";
export type Permission = "call_coach_listen" | "call_coach_barge" | "manage_organization";
export type Organization = {
  id: string;
  name: string;
  plan: Plan;
  coach_rate_micro_dollars_per_minute: number;
};
export type Role = { id: string; name: string; permissions: Permission[] };
export type Group = { id: string; name: string; members: string[] };
export type User = { id: string; first_name: string; last_name: string; email: string };
export type Membership = { id: string; organization_id: string; role_id: string };
export type Me = { user: User; membership: Membership; organization: Organization; role: Role };
export type Contact = { id: string; lead_id: string; display_name: string; phones: string[] };
export type Lead = { id: string; display_name: string; contacts: Contact[] };
export type PhoneNumber = { id: string; number: string; label: string; type: PhoneNumberKind };
export type ClientAvailability = {
  type: "native" | "web" | "mobile";
  status: "online" | "offline";
  active_calls: { id: string; lead: LeadBrief }[];
};
export type UserAvailability = { user_id: string; availability: ClientAvailability[] };
export type InvitationTarget = { user_id: string; joinability: Joinability };
export type Invitation = {
  id: string;
  call_id: string;
  lead: LeadBrief;
  inviter_id: string;
  invitee_id: string;
  status: "open" | "accepted" | "declined" | "expired" | "cancelled";
  date_created: string;
  date_expires: string;
};
export type AppError = { code: string; message: string };
export type MyCall = { call: Call; muted: boolean; ending: boolean };
export type Coaching = {
  call_id: string;
  call: Call | null;
  leg: CoachLeg;
  mode: CoachMode;
  mode_under_way: CoachMode | null;
  audience: "nobody" | "rep" | "everybody";
  muted: boolean;
  connected: boolean;
};
export type DemoUser = { email: string; name: string; role: string };
export type AppView = {
  profile: string;
  version: string;
  server: { local: boolean; url: string };
  local_service: { status: "off" | "starting" | "running" | "failed"; message: string | null };
  demo_users: DemoUser[];
  signing_in: boolean;
  sign_in_kept: boolean;
  connection: "signed_out" | "connecting" | "online" | "resuming" | "offline";
  clock_offset_ms: number;
  me: Me | null;
  users: User[];
  availability: UserAvailability[];
  calls: Call[];
  my_call: MyCall | null;
  coaching: Coaching | null;
  invitations: Invitation[];
  media: "idle" | "connecting" | "connected" | "reconnecting";
  microphone_trouble: string | null;
  loudspeaker_trouble: string | null;
};
export type AppSettings = {
  microphone: string | null;
  loudspeaker: string | null;
  echo_cancellation: boolean;
  noise_suppression: boolean;
  gain_control: boolean;
  theme: "system" | "light" | "dark";
  hold_to_whisper: string | null;
  autostart: boolean;
};
export type SettingsSet = { settings: AppSettings; shortcut_trouble: string | null };
export type SoundDevice = { id: string; name: string; is_default: boolean };
export type SoundDevices = { microphones: SoundDevice[]; loudspeakers: SoundDevice[] };
export type Level = {
  kind: "rep" | "lead" | "coach";
  user_id: string | null;
  leg_id: string | null;
  level_dbov: number;
};
export type Levels = { call_id: string; levels: Level[] };
export type MicrophoneLevel = { level_dbov: number };
export type Quality = { lost_percent: number; jitter_ms: number; round_trip_ms: number | null };
export type Told = { kind: "info" | "error"; code: string | null; message: string };
export type OpenCall = { call_id: string };

async function typedError<T, E>(
  result: Promise<T>,
): Promise<{ status: "ok"; data: T } | { status: "error"; error: E }> {
  try {
    return { status: "ok", data: await result };
  } catch (e) {
    if (e instanceof Error) throw e;
    return { status: "error", error: e as E };
  }
}

function makeEvent<T>(name: string) {
  return {
    listen: (cb: __TAURI_EVENT.EventCallback<T>) => __TAURI_EVENT.listen(name, cb),
  };
}
