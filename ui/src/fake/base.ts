// What every part of the organization in memory stands on: the view, its events, and refusals.
import { Failure, type AppView, type EventName, type Events, type Permission } from "../backend";
import { emailOf, PEOPLE } from "./organization";
import { derived, type UserAvailability } from "./shell";

export function signedOut(): AppView {
  return {
    profile: "default",
    version: "0.1.0",
    server: { local: true, url: "http://127.0.0.1:8080" },
    local_service: { status: "running", message: null },
    demo_users: PEOPLE.map(([first, last, role]) => ({
      email: emailOf(first),
      name: `${first} ${last}`,
      role,
    })),
    signing_in: false,
    sign_in_kept: true,
    connection: "signed_out",
    clock_offset_ms: 0,
    me: null,
    users: [],
    directory_version: 0,
    people: [],
    modes: [],
    occupied: null,
    has_call_coaching: true,
    calls: [],
    my_call: null,
    sent_invitations: [],
    coaching: null,
    balance: null,
    invitations: [],
    media: "idle",
    microphone_trouble: null,
    loudspeaker_trouble: null,
  };
}

export const notFound = (what: string): Failure =>
  new Failure({ code: "not_found", message: `There is no such ${what}.` });

export class FakeBase {
  viewNow: AppView = signedOut();
  availabilityNow: UserAvailability[] = [];
  /** What was asked, in order: the command's name and its arguments. */
  readonly asked: [string, ...unknown[]][] = [];
  /** The next call of a command named here is refused with this, or never answered. */
  readonly refuse = new Map<string, Failure | "never">();
  readonly #heard: { [K in EventName]?: Set<(payload: never) => void> } = {};
  readonly #later: [EventName, unknown][] = [];
  #ids = 0;

  /** Told to whoever begins to listen: a scene is set before the window is there. */
  later<K extends EventName>(name: K, payload: Events[K]): void {
    this.#later.push([name, payload]);
  }

  tell<K extends EventName>(name: K, payload: Events[K]): void {
    for (const told of this.#heard[name] ?? []) told(payload as never);
  }

  change(change: Partial<AppView>): void {
    const next = { ...this.viewNow, ...change };
    this.viewNow = { ...next, ...derived(next, this.availabilityNow) };
    this.tell("viewChanged", this.viewNow);
  }

  on = async <K extends EventName>(name: K, told: (payload: Events[K]) => void) => {
    const all = (this.#heard[name] ??= new Set() as never) as Set<(payload: Events[K]) => void>;
    all.add(told);
    for (const [of, payload] of this.#later) if (of === name) told(payload as Events[K]);
    return () => void all.delete(told);
  };

  protected newId(kind: string): string {
    return `${kind}_${++this.#ids}`;
  }

  protected async reply<T>(name: string, args: unknown[], doing: () => T): Promise<T> {
    this.asked.push([name, ...args]);
    const refused = this.refuse.get(name);
    if (refused === "never") return new Promise(() => undefined);
    if (refused) throw refused;
    return doing();
  }

  /** Refuses who does not hold that permission, as the service does. */
  protected need(permission: Permission): void {
    if (this.viewNow.me?.role.permissions.includes(permission)) return;
    throw new Failure({
      code: "permission_required",
      message: "Your role does not have the permission for that.",
    });
  }
}
