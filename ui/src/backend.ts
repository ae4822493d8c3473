// The one door to the shell: the only importer of `@tauri-apps/api` and of the generated bindings.
// Everything else takes a `Backend`, so that tests and a plain browser can give it another.
import { isTauri } from "@tauri-apps/api/core";
import { commands, events } from "./bindings";
import type * as bindings from "./bindings";

export type AppView = bindings.AppView;
export type AppSettings = bindings.AppSettings;
export type AppError = bindings.AppError;
export type Call = bindings.Call;
export type CoachLeg = bindings.CoachLeg;
export type CoachMode = bindings.CoachMode;
export type Coaching = NonNullable<AppView["coaching"]>;
export type Contact = bindings.Contact;
export type Group = bindings.Group;
export type Invitation = bindings.Invitation;
export type InvitationTarget = bindings.InvitationTarget;
export type Joinability = bindings.Joinability;
export type Lead = bindings.Lead;
export type Levels = bindings.Levels;
export type Me = bindings.Me;
export type MyCall = NonNullable<AppView["my_call"]>;
export type Permission = bindings.Permission;
export type PhoneNumber = bindings.PhoneNumber;
export type PlaceCallRequest = bindings.PlaceCallRequest;
export type Plan = bindings.Plan;
export type Quality = bindings.Quality;
export type SoundDevice = bindings.SoundDevice;
export type SoundDevices = bindings.SoundDevices;
export type Told = bindings.Told;
export type User = bindings.User;
export type UserAvailability = bindings.UserAvailability;

/** What the shell tells without being asked. */
export type Events = {
  viewChanged: AppView;
  levels: Levels;
  microphoneLevel: bindings.MicrophoneLevel;
  quality: Quality;
  told: Told;
  invitationSent: Invitation;
  soundDevicesChanged: SoundDevices;
  openCall: bindings.OpenCall;
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
