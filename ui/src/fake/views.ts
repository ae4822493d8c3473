// What the real shell was recorded to show (`views.json`, by a test of its own), replayed: views in
// moments, and which command leads from which moment to which. Nothing here knows a rule of the session.
import {
  Failure,
  type AppError,
  type AppView,
  type Call,
  type InvitationTarget,
  type Lead,
  type List,
  type MyCall,
} from "../backend";
import text from "./views.json?raw";

/** What only the shell knows, whoever is signed in. */
type Shell = Pick<AppView, "place" | "local_service" | "demo_users">;
/** What is needed of a lead to show a call with it. */
type Callee = Pick<Lead, "id" | "display_name"> & {
  contacts: { id: string; phones: { phone: string }[] }[];
};
/** A view with its calls by their ids, and whom the user may invite. */
type Whole = Omit<AppView, "calls" | "my_call"> & {
  calls: Record<string, Call | null>;
  my_call: (Omit<MyCall, "call"> & { call: string }) | null;
  invitation_targets: List<InvitationTarget>;
};
/** A moment, as what differs in it from another. */
type Moment = { name: string; at: string; like: string | null; view: Partial<Whole> };
type Step = {
  in: string;
  do: string;
  with: unknown[];
  meanwhile?: string;
  answer: { ok: unknown } | { error: AppError };
  then: string;
};
type Someone = Record<
  "lead_id" | "display_name" | "contact_id" | "remote_phone" | "local_phone",
  string
>;
type Recorded = {
  someone: Someone;
  sign_in_refused: AppError;
  shells: { name: string; view: Shell }[];
  moments: Moment[];
  steps: Step[];
};

const recorded = JSON.parse(text) as Recorded;
const shells = new Map(recorded.shells.map(({ name, view }) => [name, view]));
const moments = new Map(recorded.moments.map((moment) => [moment.name, moment]));
const steps = new Map(recorded.steps.map((step) => [keyOf(step.in, step.do, step.with), step]));

/** Why a sign-in with a wrong password is refused. */
export const SIGN_IN_REFUSED = recorded.sign_in_refused;

function keyOf(moment: string, name: string, args: unknown[]): string {
  return JSON.stringify([moment, name, args]);
}

function found<T>(one: T | undefined, what: string): T {
  if (one !== undefined) return one;
  throw new Failure({ code: "not_recorded", message: `This was not recorded: ${what}` });
}

/** The service in use, as the shell shows it. */
export function shellOf(name: string): Shell {
  return found(shells.get(name), name);
}

function wholeOf({ like, view }: Moment): Whole {
  if (like === null) return view as Whole;
  const before = wholeOf(found(moments.get(like), like));
  return { ...before, ...view, calls: { ...before.calls, ...view.calls } };
}

export class Views {
  /** Where the story is. */
  moment = "sign-in";
  /** Whom the user may invite now. */
  targets: List<InvitationTarget> = { data: [], has_more: false, cursor: null };
  /** When that which is shown happened, by when it did in the recording. */
  #times = new Map<string, string>();
  /** What is shown in place of whoever was called in the recording. */
  #someone = new Map<string, string>();

  /** The call that is placed or comes next is one with that lead. */
  call(lead: Callee, phone: string | null | undefined, local_phone: string): void {
    const has = lead.contacts.find(
      ({ phones }) => !phone || phones.some((one) => one.phone === phone),
    );
    const contact = found(has, `a call with ${lead.display_name}`);
    const facts: Someone = {
      lead_id: lead.id,
      display_name: lead.display_name,
      contact_id: contact.id,
      remote_phone: phone ?? contact.phones[0]?.phone ?? "",
      local_phone,
    };
    const names = Object.keys(facts) as (keyof Someone)[];
    this.#someone = new Map(names.map((name) => [recorded.someone[name], facts[name]]));
  }

  /** The view of a moment, in the state after some writes. What is new in it happens now. */
  go(name: string, written: string, now: number): AppView {
    const moment = found(moments.get(`${name}@${written}`) ?? moments.get(name), name);
    const shift_ms = now - Date.parse(moment.at);
    const before = this.#times;
    this.#times = new Map();
    const whole = this.#shown(wholeOf(moment), (time) => {
      const shown = before.get(time) ?? new Date(Date.parse(time) + shift_ms).toISOString();
      this.#times.set(time, shown);
      return shown;
    });
    const { invitation_targets, my_call, ...view } = whole;
    // As the shell's own map has them: by their ids.
    const calls = Object.entries(whole.calls).sort(([a], [b]) => (a < b ? -1 : 1));
    const mine = my_call && whole.calls[my_call.call];
    this.moment = name;
    this.targets = invitation_targets;
    return {
      ...view,
      calls: calls.flatMap(([, call]) => call ?? []),
      my_call: mine ? { ...my_call, call: mine } : null,
    };
  }

  /** What a command does now. */
  step(name: string, args: unknown[]): Step {
    const key = keyOf(this.moment, name, args);
    return found(steps.get(key), key);
  }

  /** What a step is answered with, once the moment after it is there. */
  answer({ answer }: Step): unknown {
    if ("error" in answer) throw new Failure(answer.error);
    return this.#shown(answer.ok, (time) => this.#times.get(time) ?? time);
  }

  #shown<T>(value: T, timeOf: (time: string) => string): T {
    return JSON.parse(JSON.stringify(value), (_, one: unknown) => {
      if (typeof one !== "string") return one;
      return /^\d{4}-\d\d-\d\dT/.test(one) ? timeOf(one) : (this.#someone.get(one) ?? one);
    }) as T;
  }
}
