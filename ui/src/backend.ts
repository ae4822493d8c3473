// The one door to the shell: the only importer of `@tauri-apps/api` and of the generated bindings.
// Everything else takes a `Backend`, so that tests and a plain browser can give it another.
import { isTauri } from "@tauri-apps/api/core";
import { commands, events } from "./bindings";
import type * as bindings from "./bindings";

export type AppView = bindings.AppView;
export type AppSettings = bindings.AppSettings;
export type AppError = bindings.AppError;
export type AuditAction = bindings.AuditAction;
export type AuditEntry = bindings.AuditEntry;
export type AuditQuery = bindings.AuditQuery;
export type Balance = bindings.Balance;
export type Call = bindings.Call;
export type CallRecording = bindings.CallRecording;
export type CoachLeg = bindings.CoachLeg;
export type CoachMode = bindings.CoachMode;
export type Coaching = NonNullable<AppView["coaching"]>;
export type Contact = bindings.Contact;
export type Group = bindings.Group;
export type GroupRequest = bindings.GroupRequest;
export type InboundCallRequest = bindings.InboundCallRequest;
export type Invitation = bindings.Invitation;
export type InvitationTarget = bindings.InvitationTarget;
export type InviteOffer = bindings.InviteOffer;
export type Joinability = bindings.Joinability;
export type Lead = bindings.Lead;
export type LeadKey = bindings.LeadKey;
export type LeadQuality = bindings.LeadQuality;
export type LedgerEntry = bindings.LedgerEntry;
export type LedgerKind = bindings.LedgerKind;
export type Levels = bindings.Levels;
export type Me = bindings.Me;
export type Member = bindings.Member;
export type MemberInvite = bindings.MemberInvite;
export type MemberInviteRequest = bindings.MemberInviteRequest;
export type MembershipPatch = bindings.MembershipPatch;
export type OrganizationPatch = bindings.OrganizationPatch;
export type MyCall = NonNullable<AppView["my_call"]>;
export type Permission = bindings.Permission;
export type PhoneNumber = bindings.PhoneNumber;
export type PhoneNumberRequest = bindings.PhoneNumberRequest;
export type PlaceCallRequest = bindings.PlaceCallRequest;
export type Plan = bindings.Plan;
export type Person = bindings.Person;
export type PlanInfo = bindings.PlanInfo;
export type Playback = bindings.Playback;
export type Quality = bindings.Quality;
export type Rate = bindings.Rate;
export type RecordingOverride = bindings.RecordingOverride;
export type RecordingPeaks = bindings.RecordingPeaks;
export type RecordingSettings = bindings.RecordingSettings;
export type Role = bindings.Role;
export type RoleRequest = bindings.RoleRequest;
export type SoundDevice = bindings.SoundDevice;
export type SoundDevices = bindings.SoundDevices;
export type SpendOfCall = bindings.SpendOfCall;
export type SpendOfCoach = bindings.SpendOfCoach;
export type SpendOfDay = bindings.SpendOfDay;
export type Message = bindings.Message;
export type TopUpRequest = bindings.TopUpRequest;
export type Usage = bindings.Usage;
export type User = bindings.User;

/** What the shell tells without being asked. */
export type Events = {
  viewChanged: AppView;
  levels: Levels;
  microphoneLevel: bindings.MicrophoneLevel;
  quality: Quality;
  leadKey: LeadKey;
  leadQuality: LeadQuality;
  message: Message;
  soundDevicesChanged: SoundDevices;
  openCall: bindings.OpenCall;
  playback: Playback;
};
export type EventName = keyof Events;

type Commands = typeof commands;
type Answer<F> = F extends (...args: infer A) => Promise<infer R>
  ? (...args: A) => Promise<R extends { status: "ok"; data: infer T } ? T : never>
  : never;

/** Every command of the shell, which answers or throws a [`Failure`], and its events. */
export type Backend = { [K in keyof Commands]: Answer<Commands[K]> } & {
  /** Calls `told` for each event of that name; gives the function that stops it. */
  on<K extends EventName>(name: K, told: (payload: Events[K]) => void): Promise<() => void>;
};

/** Why a command was refused: a stable code, and a sentence for people. */
export class Failure extends Error {
  readonly code: string;

  constructor(error: AppError) {
    super(error.message);
    this.code = error.code;
  }
}

/** Whether this page runs in the app's window, and not in a plain browser. */
export function insideTheApp(): boolean {
  return isTauri();
}

/** The real shell. */
export function shell(): Backend {
  const answers = Object.fromEntries(
    Object.entries(commands).map(([name, command]) => [
      name,
      async (...args: unknown[]) => {
        const call = command as (
          ...args: unknown[]
        ) => Promise<{ status: "ok"; data: unknown } | { status: "error"; error: AppError }>;
        const result = await call(...args);
        if (result.status === "error") throw new Failure(result.error);
        return result.data;
      },
    ]),
  ) as { [K in keyof Commands]: Answer<Commands[K]> };
  return {
    ...answers,
    on: (name, told) =>
      events[name].listen((event: { payload: unknown }) => told(event.payload as never)),
  };
}
