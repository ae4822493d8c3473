// An organization in memory: the twin of the shell for tests and for a plain browser. It keeps the
// service's rules as far as a page can see them, and does at once what the service takes time for.
import {
  Failure,
  type AppSettings,
  type AppView,
  type Backend,
  type Call,
  type CoachLeg,
  type CoachMode,
  type EventName,
  type Events,
  type Group,
  type Invitation,
  type InvitationTarget,
  type Lead,
  type PhoneNumber,
  type PlaceCallRequest,
  type SoundDevices,
  type User,
} from "./backend";

const ROLES = {
  User: [],
  Trainee: ["call_coach_listen"],
  Manager: ["call_coach_listen", "call_coach_barge"],
  Admin: ["call_coach_listen", "call_coach_barge", "manage_organization"],
} as const;
type RoleName = keyof typeof ROLES;

const PEOPLE: [string, string, RoleName, string][] = [
  ["Riley", "Reed", "User", "Sales"],
  ["Morgan", "Moss", "Manager", "Coaches"],
  ["Casey", "Cole", "Manager", "Coaches"],
  ["Jordan", "Jay", "Manager", "Coaches"],
  ["Taylor", "Tate", "Trainee", "Sales"],
  ["Sam", "Shaw", "User", "Sales"],
  ["Alex", "Ash", "Admin", ""],
];

export const userId = (first: string): string => `user_${first.toLowerCase()}`;
const roleOf = (id: string): RoleName =>
  PEOPLE.find(([first]) => userId(first) === id)?.[2] ?? "User";
const emailOf = (first: string): string =>
  `${first === "Alex" ? "admin" : first.toLowerCase()}@demo.example`;

export const LEADS: Lead[] = [
  ["Globex", [["Gina Grant", ["+15557000100"]]]],
  ["Hooli", [["Hana Holt", ["+15557000300"]]]],
  [
    "Initech",
    [
      ["Ivan Ingram", ["+15557000200", "+15557000201", "+15557000202"]],
      ["Iris Irwin", ["+15557000203", "+15557000204"]],
    ],
  ],
  ["Vandelay", []],
].map(([name, contacts]) => {
  const id = `lead_${(name as string).toLowerCase()}`;
  return {
    id,
    display_name: name as string,
    contacts: (contacts as [string, string[]][]).map(([contact, phones], at) => ({
      id: `cont_${id}_${at}`,
      lead_id: id,
      display_name: contact,
      phones,
    })),
  };
});

export const NUMBERS: PhoneNumber[] = [
  { id: "phon_main", number: "+15550001", label: "Main line", type: "internal" },
  { id: "phon_ext", number: "+15550002", label: "Caller id only", type: "external" },
  { id: "phon_virtual", number: "+15550003", label: "Forwards", type: "virtual" },
];

export const DEVICES: SoundDevices = {
  microphones: [
    { id: "mic_1", name: "Built-in microphone", is_default: true },
    { id: "mic_2", name: "Jabra Evolve2 65", is_default: false },
  ],
  loudspeakers: [
    { id: "out_1", name: "Built-in speakers", is_default: true },
    { id: "out_2", name: "Jabra Evolve2 65", is_default: false },
  ],
};

const users: User[] = PEOPLE.map(([first_name, last_name]) => ({
  id: userId(first_name),
  first_name,
  last_name,
  email: emailOf(first_name),
}));

function signedOut(): AppView {
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
    availability: [],
    calls: [],
    my_call: null,
    coaching: null,
    invitations: [],
    media: "idle",
    microphone_trouble: null,
    loudspeaker_trouble: null,
  };
}

export class FakeBackend implements Backend {
  viewNow: AppView = signedOut();
  settingsNow: AppSettings = {
    microphone: null,
    loudspeaker: null,
    echo_cancellation: true,
    noise_suppression: true,
    gain_control: true,
    theme: "system",
    hold_to_whisper: "Control+Alt+Space",
    autostart: false,
  };
  past: Call[] = [];
  /** What was asked, in order: the command's name and its arguments. */
  readonly asked: [string, ...unknown[]][] = [];
  /** The next call of a command named here is refused with this, or never answered. */
  readonly refuse = new Map<string, Failure | "never">();
  /** Whether a switch of mode is confirmed at once; else it stays under way. */
  confirms = true;
  shortcutTrouble: string | null = null;
  readonly #heard: { [K in EventName]?: Set<(payload: never) => void> } = {};
  #ids = 0;
  readonly #live: boolean;

  constructor({ live = false } = {}) {
    this.#live = live;
    if (live) this.#tick();
  }

  // ---- what a test or a scene does ----

  tell<K extends EventName>(name: K, payload: Events[K]): void {
    for (const told of this.#heard[name] ?? []) told(payload as never);
  }

  change(change: Partial<AppView>): void {
    this.viewNow = { ...this.viewNow, ...change };
    this.tell("viewChanged", this.viewNow);
  }

  as(first: string): void {
    const user = users.find((user) => user.first_name === first);
    if (!user) throw new Error(`nobody is called ${first}`);
    const name = roleOf(user.id);
    this.change({
      connection: "online",
      signing_in: false,
      users,
      availability: users.map(({ id }) => ({
        user_id: id,
        availability:
          id === userId("Jordan")
            ? [{ type: "web", status: "online", active_calls: [] }]
            : [
                {
                  type: "native",
                  status: id === userId("Alex") ? "offline" : "online",
                  active_calls: [],
                },
              ],
      })),
      me: {
        user,
        membership: { id: "memb_1", organization_id: "orga_acme", role_id: `role_${name}` },
        organization: {
          id: "orga_acme",
          name: "Acme Sales",
          plan: "enterprise",
          coach_rate_micro_dollars_per_minute: 4000,
        },
        role: { id: `role_${name}`, name, permissions: [...ROLES[name]] },
      },
    });
  }

  /** A call in progress of that member with that lead. */
  call(first: string, lead: string, change: Partial<Call> = {}): Call {
    const found = LEADS.find(({ display_name }) => display_name === lead);
    const now = Date.now();
    const call: Call = {
      id: `acti_${++this.#ids}`,
      user_id: userId(first),
      rep_leg_id: "leg_rep",
      lead: { id: found?.id ?? "lead_x", display_name: lead },
      contact_id: found?.contacts[0]?.id ?? null,
      direction: "outbound",
      status: "in-progress",
      local_phone: "+15550001",
      local_phone_type: "internal",
      remote_phone: found?.contacts[0]?.phones[0] ?? "+15557000100",
      date_created: new Date(now - 140_000).toISOString(),
      date_answered: new Date(now - 133_000).toISOString(),
      date_ended: null,
      duration: 0,
      hangup_cause: null,
      held: false,
      muted: false,
      recording_url: null,
      coach_legs: [],
      joinability: { joinable: true },
      ...change,
    };
    const permitted = this.viewNow.me?.role.permissions.includes("call_coach_listen") ?? false;
    if (!permitted && call.joinability.joinable && !change.joinability) {
      call.joinability = {
        joinable: false,
        code: "permission_required",
        message: "Your role does not have the Listen permission.",
      };
    }
    this.change({ calls: [...this.viewNow.calls, call] });
    return call;
  }

  coachLeg(first: string, mode: CoachMode, change: Partial<CoachLeg> = {}): CoachLeg {
    const date = new Date(Date.now() - 65_000).toISOString();
    return {
      id: `leg_${first}`,
      user_id: userId(first),
      device_id: "devi_1",
      status: "connected",
      mode,
      muted: false,
      date_created: date,
      date_connected: date,
      date_done: null,
      end_reason: null,
      participation_history: [{ action: mode, timestamp: date }],
      ...change,
    };
  }

  /** Coaches come to a call, or change on it. */
  coached(callId: string, legs: CoachLeg[]): void {
    this.#changeCall(callId, { coach_legs: legs });
  }

  /** This user coaches the call in that mode. */
  coach(call: Call, mode: CoachMode = "listen", muted = false): void {
    const me = this.viewNow.me;
    if (!me) throw new Error("nobody is signed in");
    const leg = this.coachLeg(me.user.first_name, mode, { muted });
    this.change({
      coaching: {
        call_id: call.id,
        call,
        leg,
        mode,
        mode_under_way: null,
        audience: mode === "listen" ? "nobody" : mode === "whisper" ? "rep" : "everybody",
        muted,
        connected: true,
      },
      media: "connected",
    });
    this.coached(call.id, [...call.coach_legs.filter(({ id }) => id !== leg.id), leg]);
  }

  invited(call: Call, from: string): Invitation {
    const invitation: Invitation = {
      id: `invi_${++this.#ids}`,
      call_id: call.id,
      lead: call.lead,
      inviter_id: userId(from),
      invitee_id: this.viewNow.me?.user.id ?? "",
      status: "open",
      date_created: new Date().toISOString(),
      date_expires: new Date(Date.now() + 60_000).toISOString(),
    };
    this.change({ invitations: [...this.viewNow.invitations, invitation] });
    return invitation;
  }

  // ---- the commands ----

  on = async <K extends EventName>(name: K, told: (payload: Events[K]) => void) => {
    const all = (this.#heard[name] ??= new Set() as never) as Set<(payload: Events[K]) => void>;
    all.add(told);
    return () => void all.delete(told);
  };

  view = () => this.#answer("view", [], () => this.viewNow);
  settings = () => this.#answer("settings", [], () => this.settingsNow);
  setSettings = (settings: AppSettings) =>
    this.#answer("setSettings", [settings], () => {
      this.settingsNow = settings;
      return { settings, shortcut_trouble: this.shortcutTrouble };
    });
  soundDevices = () => this.#answer("soundDevices", [], () => DEVICES);
  testTone = () => this.#answer("testTone", [], () => null);
  meterMicrophone = (on: boolean) => this.#answer("meterMicrophone", [on], () => null);
  setServer = (local: boolean, url: string | null) =>
    this.#answer("setServer", [local, url], () => {
      const all = signedOut();
      this.change({
        server: { local, url: local ? all.server.url : (url ?? "") },
        local_service: { status: local ? "running" : "off", message: null },
        demo_users: local ? all.demo_users : [],
      });
      return null;
    });
  signIn = (email: string, password: string) =>
    this.#answer("signIn", [email, password], () => {
      const user = users.find((user) => user.email === email);
      if (!user || password !== "demo-password") {
        throw new Failure({
          code: "unauthenticated",
          message: "The e-mail address or the password is not right.",
        });
      }
      this.as(user.first_name);
      return null;
    });
  signInDemo = (email: string) =>
    this.#answer("signInDemo", [email], () => {
      this.as(users.find((user) => user.email === email)?.first_name ?? "Riley");
      return null;
    });
  signOut = () =>
    this.#answer("signOut", [], () => {
      this.change(signedOut());
      return null;
    });
  leads = (query: string) =>
    this.#answer("leads", [query], () =>
      LEADS.filter((lead) => lead.display_name.toLowerCase().includes(query.trim().toLowerCase())),
    );
  lead = (id: string) =>
    this.#answer("lead", [id], () => {
      const lead = LEADS.find((lead) => lead.id === id);
      if (!lead) throw new Failure({ code: "not_found", message: "There is no such lead." });
      return lead;
    });
  callsOfLead = (leadId: string) =>
    this.#answer("callsOfLead", [leadId], () =>
      [...this.viewNow.calls, ...this.past].filter((call) => call.lead.id === leadId),
    );
  phoneNumbers = () => this.#answer("phoneNumbers", [], () => NUMBERS);
  groups = () =>
    this.#answer("groups", [], (): Group[] =>
      ["Coaches", "Sales"].map((name) => ({
        id: `group_${name}`,
        name,
        members: PEOPLE.filter(([, , , group]) => group === name).map(([first]) => userId(first)),
      })),
    );
  invitationTargets = (callId: string) =>
    this.#answer("invitationTargets", [callId], (): InvitationTarget[] =>
      this.viewNow.availability
        .filter(({ user_id, availability }) => {
          const native = availability.some((a) => a.type === "native" && a.status === "online");
          return native && user_id !== this.viewNow.me?.user.id;
        })
        .map(({ user_id }) => ({
          user_id,
          joinability:
            ROLES[roleOf(user_id)].length > 0
              ? { joinable: true }
              : {
                  joinable: false,
                  code: "permission_required",
                  message: "Their role does not have the Listen permission.",
                },
        })),
    );
  placeCall = (request: PlaceCallRequest) =>
    this.#answer("placeCall", [request], () => {
      const lead = LEADS.find(({ id }) => id === request.lead_id);
      const number = NUMBERS.find(({ id }) => id === request.local_phone_id);
      const me = this.viewNow.me;
      if (!lead || !number || !me) {
        throw new Failure({ code: "not_found", message: "There is no such lead." });
      }
      const call = this.call(me.user.first_name, lead.display_name, {
        status: "ringing",
        date_created: new Date().toISOString(),
        date_answered: null,
        local_phone: number.number,
        local_phone_type: number.type,
        remote_phone: request.remote_phone ?? lead.contacts[0]?.phones[0] ?? "",
        joinability: { joinable: false, code: "own_call", message: "This is your own call." },
      });
      this.change({ my_call: { call, muted: false, ending: false }, media: "connected" });
      if (this.#live) setTimeout(() => this.answered(), 2500);
      return call;
    });
  /** The lead answers this user's call. */
  answered(): void {
    const call = this.viewNow.my_call?.call;
    if (!call) return;
    const date_answered = new Date().toISOString();
    this.#changeCall(call.id, { status: "in-progress", date_answered });
  }
  hangUp = () =>
    this.#answer("hangUp", [], () => {
      const call = this.viewNow.my_call?.call;
      if (call) {
        const date_ended = new Date().toISOString();
        this.past = [{ ...call, status: "completed", date_ended, duration: 134 }, ...this.past];
      }
      this.change({
        my_call: null,
        media: "idle",
        calls: this.viewNow.calls.filter(({ id }) => id !== call?.id),
      });
      return null;
    });
  hold = (held: boolean) =>
    this.#answer("hold", [held], () => {
      const call = this.viewNow.my_call?.call;
      if (call) this.#changeCall(call.id, { held });
      return null;
    });
  dtmf = (digits: string) => this.#answer("dtmf", [digits], () => null);
  mute = (muted: boolean) =>
    this.#answer("mute", [muted], () => {
      const { my_call, coaching } = this.viewNow;
      if (my_call) this.change({ my_call: { ...my_call, muted } });
      if (coaching) this.change({ coaching: { ...coaching, muted } });
      return null;
    });
  invite = (userIds: string[]) =>
    this.#answer("invite", [userIds], () => {
      const call = this.viewNow.my_call?.call;
      const me = this.viewNow.me;
      if (!call || !me) throw new Failure({ code: "call_ended", message: "The call is over." });
      return userIds.map((invitee_id): Invitation => ({
        id: `invi_${++this.#ids}`,
        call_id: call.id,
        lead: call.lead,
        inviter_id: me.user.id,
        invitee_id,
        status: "open",
        date_created: new Date().toISOString(),
        date_expires: new Date(Date.now() + 60_000).toISOString(),
      }));
    });
  decline = (invitationId: string) =>
    this.#answer("decline", [invitationId], () => {
      this.#dropInvitation(invitationId);
      return null;
    });
  join = (callId: string, invitationId: string | null) =>
    this.#answer("join", [callId, invitationId], () => {
      const call = this.viewNow.calls.find(({ id }) => id === callId);
      if (!call) throw new Failure({ code: "call_ended", message: "The call is over." });
      if (invitationId) this.#dropInvitation(invitationId);
      this.coach(call);
      return null;
    });
  setMode = (mode: CoachMode) =>
    this.#answer("setMode", [mode], () => {
      const { coaching } = this.viewNow;
      if (!coaching?.call) throw new Failure({ code: "call_ended", message: "The call is over." });
      if (this.confirms) this.coach(coaching.call, mode, coaching.muted);
      else this.change({ coaching: { ...coaching, mode_under_way: mode } });
      return null;
    });
  leave = () =>
    this.#answer("leave", [], () => {
      const { coaching } = this.viewNow;
      this.change({ coaching: null, media: "idle" });
      if (coaching?.call) {
        const legs = coaching.call.coach_legs.filter(({ id }) => id !== coaching.leg.id);
        this.coached(coaching.call_id, legs);
      }
      return null;
    });
  holdToWhisper = (held: boolean) =>
    this.#answer("holdToWhisper", [held], () => {
      const call = this.viewNow.coaching?.call;
      if (call) this.coach(call, held ? "whisper" : "listen");
      return null;
    });
  openWindow = () => this.#answer("openWindow", [], () => null);

  // ---- inside ----

  async #answer<T>(name: string, args: unknown[], doing: () => T): Promise<T> {
    this.asked.push([name, ...args]);
    const refused = this.refuse.get(name);
    if (refused === "never") return new Promise(() => undefined);
    if (refused) throw refused;
    return doing();
  }

  #changeCall(id: string, change: Partial<Call>): void {
    const { calls, my_call, coaching } = this.viewNow;
    const changed = (call: Call) => (call.id === id ? { ...call, ...change } : call);
    this.change({
      calls: calls.map(changed),
      my_call: my_call && { ...my_call, call: changed(my_call.call) },
      coaching: coaching && { ...coaching, call: coaching.call && changed(coaching.call) },
    });
  }

  #dropInvitation(id: string): void {
    this.change({ invitations: this.viewNow.invitations.filter((one) => one.id !== id) });
  }

  /** In a plain browser, levels move as if people spoke. */
  #tick(): void {
    setInterval(() => {
      const { coaching, my_call } = this.viewNow;
      if (!my_call && (!coaching || coaching.mode === "listen")) return;
      const muted = my_call?.muted ?? coaching?.muted;
      const level_dbov = muted ? -127 : -18 - 22 * Math.abs(Math.sin(Date.now() / 340));
      this.tell("microphoneLevel", { level_dbov });
      this.tell("quality", { lost_percent: 0.2, jitter_ms: 6, round_trip_ms: 48 });
    }, 70);
  }
}
