// The twin of the shell for tests and for a plain browser. What the service answers is replayed from a
// tape of the real one; the view, and what a call in progress does to it, is made up here.
import {
  Failure,
  type AppSettings,
  type AppView,
  type AuditQuery,
  type Backend,
  type Balance,
  type Call,
  type CoachLeg,
  type CoachMode,
  type EventName,
  type Events,
  type InboundCallRequest,
  type Invitation,
  type InvitationTarget,
  type InviteOffer,
  type Lead,
  type List,
  type Me,
  type Member,
  type MemberInviteRequest,
  type PhoneNumber,
  type PlaceCallRequest,
  type RecordingPeaks,
  type Role,
  type Route,
  type SoundDevices,
  type UsageQuery,
  type User,
} from "./backend";
import { derived, type UserAvailability } from "./fake/shell";
import { RECORDED_AT, Tape } from "./fake/tape";

const LINK = "https://coaching.example.com/join/";
/** Who may read all of the tape. */
const ADMIN = "user_alex";

export const userId = (first: string): string => `user_${first.toLowerCase()}`;

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

export class FakeBackend implements Backend {
  readonly #started = Date.now();
  readonly #tape = new Tape();
  readonly #live: boolean;
  readonly #heard: { [K in EventName]?: Set<(payload: never) => void> } = {};
  readonly #later: [EventName, unknown][] = [];
  #ids = 0;
  #playing: ReturnType<typeof setInterval> | undefined;
  #stopPlaying: (() => void) | undefined;
  viewNow: AppView = this.#signedOut();
  availabilityNow: UserAvailability[] = [];
  settingsNow: AppSettings = {
    microphone: null,
    loudspeaker: null,
    echo_cancellation: true,
    noise_suppression: true,
    gain_control: true,
    theme: "system",
    hold_to_whisper: "Control+Alt+Space",
    autostart: false,
    local_phone_id: null,
  };
  /** Whether a switch of mode is confirmed at once; else it stays under way. */
  confirms = true;
  shortcutTrouble: string | null = null;
  /** What was asked, in order: the name of the command or route, and what it was given. */
  readonly asked: [string, ...unknown[]][] = [];
  /** Whatever is named here is refused with this, or never answered. */
  readonly refuse = new Map<string, Failure | "never">();

  constructor({ live = false } = {}) {
    this.#live = live;
    if (live) this.#tick();
  }

  // ---- what a test or a scene does ----

  /** The service's clock, which goes on from the moment of the recording. */
  now(): number {
    return RECORDED_AT + Date.now() - this.#started;
  }

  ago(millis: number): string {
    return new Date(this.now() - millis).toISOString();
  }

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

  /** Changes what a route answers from now on, for a moment that was not recorded. */
  edit<Id, In, Out>(route: Route<Id, In, Out>, edit: (answer: Out, input: In) => Out): void {
    this.#tape.edit(route, edit);
  }

  /** Signs that member in. */
  as(first: string): void {
    this.availabilityNow = this.#members().map(({ user: { id } }) => ({
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
    }));
    this.#enter(userId(first));
  }

  /** A call in progress of that member with that lead. */
  onCall(first: string, lead: string, change: Partial<Call> = {}): Call {
    const found = this.#leads().find(({ display_name }) => display_name === lead);
    const call: Call = {
      id: this.#newId("acti"),
      user_id: userId(first),
      rep_leg_id: "leg_rep",
      lead: { id: found?.id ?? "lead_x", display_name: lead },
      contact_id: found?.contacts[0]?.id ?? null,
      direction: "outbound",
      status: "in-progress",
      local_phone: "+15550001",
      local_phone_type: "internal",
      remote_phone: found?.contacts[0]?.phones[0] ?? "+15557000100",
      date_created: this.ago(140_000),
      date_answered: this.ago(133_000),
      date_ended: null,
      duration: 0,
      hangup_cause: null,
      held: false,
      muted: false,
      recording_url: null,
      recording: null,
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
    const date = this.ago(65_000);
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
        leg,
        mode,
        mode_under_way: null,
        audience: muted || mode === "listen" ? "nobody" : mode === "whisper" ? "rep" : "everybody",
        muted,
        connected: true,
        // Two minutes have started in the 65 s that the leg is there.
        cost_micro_dollars: 8_000,
      },
      media: "connected",
    });
    this.coached(call.id, [...call.coach_legs.filter(({ id }) => id !== leg.id), leg]);
  }

  invited(call: Call, from: string): Invitation {
    const invitation: Invitation = {
      id: this.#newId("invi"),
      call_id: call.id,
      lead: call.lead,
      inviter_id: userId(from),
      invitee_id: this.viewNow.me?.user.id ?? "",
      status: "open",
      date_created: this.ago(0),
      date_expires: this.ago(-60_000),
    };
    this.change({ invitations: [...this.viewNow.invitations, invitation] });
    return invitation;
  }

  // ---- the commands ----

  view = () => this.#reply("view", [], () => this.viewNow);
  settings = () => this.#reply("settings", [], () => this.settingsNow);
  setSettings = (settings: AppSettings) =>
    this.#reply("setSettings", [settings], () => {
      this.settingsNow = settings;
      return { settings, shortcut_trouble: this.shortcutTrouble };
    });
  soundDevices = () => this.#reply("soundDevices", [], () => DEVICES);
  testTone = () => this.#reply("testTone", [], () => null);
  meterMicrophone = (on: boolean) => this.#reply("meterMicrophone", [on], () => null);
  setServer = (local: boolean, url: string | null) =>
    this.#reply("setServer", [local, url], () => {
      const all = this.#signedOut();
      this.change({
        server: { local, url: local ? all.server.url : (url ?? "") },
        local_service: { status: local ? "running" : "off", message: null },
        demo_users: local ? all.demo_users : [],
      });
      return null;
    });
  signIn = (email: string, password: string) =>
    this.#reply("signIn", [email, password], () => {
      const found = this.#members().find(({ user }) => user.email === email);
      if (!found || password !== "demo-password") {
        throw new Failure({
          code: "unauthenticated",
          message: "The e-mail address or the password is not right.",
        });
      }
      this.as(found.user.first_name);
      return null;
    });
  signInDemo = (email: string) =>
    this.#reply("signInDemo", [email], () => {
      const found = this.#members().find(({ user }) => user.email === email);
      this.as(found?.user.first_name ?? "Riley");
      return null;
    });
  signOut = () =>
    this.#reply("signOut", [], () => {
      this.change(this.#signedOut());
      return null;
    });
  /** A lead calls that member in. */
  rings(first: string, lead: string, change: Partial<Call> = {}): Call {
    return this.onCall(first, lead, {
      direction: "inbound",
      status: "ringing",
      date_created: this.ago(0),
      date_answered: null,
      joinability: {
        joinable: false,
        code: "inbound_call",
        message: "Inbound calls cannot be coached.",
      },
      ...change,
    });
  }
  declineCall = (callId: string) =>
    this.#reply("declineCall", [callId], () => {
      this.change({ calls: this.viewNow.calls.filter(({ id }) => id !== callId) });
      return null;
    });
  answer = (callId: string) =>
    this.#reply("answer", [callId], () => {
      const call = this.viewNow.calls.find(({ id }) => id === callId);
      if (!call) throw new Failure({ code: "call_ended", message: "The call is over." });
      this.change({ my_call: { call, muted: false, ending: false }, media: "connected" });
      this.answered();
      return null;
    });
  placeCall = (request: PlaceCallRequest) =>
    this.#reply("placeCall", [request], () => {
      const lead = this.#leads().find(({ id }) => id === request.lead_id);
      const number = this.#numbers().find(({ id }) => id === request.local_phone_id);
      const me = this.viewNow.me;
      if (!lead || !number || !me) {
        throw new Failure({ code: "not_found", message: "There is no such lead." });
      }
      const call = this.onCall(me.user.first_name, lead.display_name, {
        status: "ringing",
        date_created: this.ago(0),
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
    const date_answered = this.ago(0);
    this.#changeCall(call.id, { status: "in-progress", date_answered });
  }
  hangUp = () =>
    this.#reply("hangUp", [], () => {
      const call = this.viewNow.my_call?.call;
      this.change({
        my_call: null,
        sent_invitations: [],
        media: "idle",
        calls: this.viewNow.calls.filter(({ id }) => id !== call?.id),
      });
      return null;
    });
  hold = (held: boolean) =>
    this.#reply("hold", [held], () => {
      const call = this.viewNow.my_call?.call;
      if (call) this.#changeCall(call.id, { held });
      return null;
    });
  dtmf = (digits: string) => this.#reply("dtmf", [digits], () => null);
  mute = (muted: boolean) =>
    this.#reply("mute", [muted], () => {
      const { my_call, coaching } = this.viewNow;
      if (my_call) this.change({ my_call: { ...my_call, muted } });
      const heard = coaching?.mode === "barge" ? "everybody" : "rep";
      const audience = muted || coaching?.mode === "listen" ? "nobody" : heard;
      if (coaching) this.change({ coaching: { ...coaching, muted, audience } });
      return null;
    });
  invite = (userIds: string[]) =>
    this.#reply("invite", [userIds], () => {
      const call = this.viewNow.my_call?.call;
      const me = this.viewNow.me;
      if (!call || !me) throw new Failure({ code: "call_ended", message: "The call is over." });
      const sent = userIds.map((invitee_id): Invitation => ({
        id: this.#newId("invi"),
        call_id: call.id,
        lead: call.lead,
        inviter_id: me.user.id,
        invitee_id,
        status: "open",
        date_created: this.ago(0),
        date_expires: this.ago(-60_000),
      }));
      this.change({ sent_invitations: [...this.viewNow.sent_invitations, ...sent] });
      return sent;
    });
  decline = (invitationId: string) =>
    this.#reply("decline", [invitationId], () => {
      this.#dropInvitation(invitationId);
      return null;
    });
  join = (callId: string, invitationId: string | null) =>
    this.#reply("join", [callId, invitationId], () => {
      const call = this.viewNow.calls.find(({ id }) => id === callId);
      if (!call) throw new Failure({ code: "call_ended", message: "The call is over." });
      if (invitationId) this.#dropInvitation(invitationId);
      this.coach(call);
      return null;
    });
  setMode = (mode: CoachMode) =>
    this.#reply("setMode", [mode], () => {
      const { coaching } = this.viewNow;
      const call = this.viewNow.calls.find(({ id }) => id === coaching?.call_id);
      if (!coaching || !call) {
        throw new Failure({ code: "call_ended", message: "The call is over." });
      }
      if (this.confirms) this.coach(call, mode, coaching.muted);
      else this.change({ coaching: { ...coaching, mode_under_way: mode } });
      return null;
    });
  leave = () =>
    this.#reply("leave", [], () => {
      const { coaching } = this.viewNow;
      this.change({ coaching: null, media: "idle" });
      const call = this.viewNow.calls.find(({ id }) => id === coaching?.call_id);
      if (call) {
        this.coached(
          call.id,
          call.coach_legs.filter(({ id }) => id !== coaching?.leg.id),
        );
      }
      return null;
    });
  holdToWhisper = (held: boolean) =>
    this.#reply("holdToWhisper", [held], () => {
      const { calls, coaching } = this.viewNow;
      const call = calls.find(({ id }) => id === coaching?.call_id);
      if (call) this.coach(call, held ? "whisper" : "listen");
      return null;
    });
  openWindow = () => this.#reply("openWindow", [], () => null);

  lookUpInvite = (link: string) =>
    this.#reply("lookUpInvite", [link], () => {
      const token = link.trim().replace(LINK, "");
      return this.#tape.ask("", "LOOK_UP_INVITE", null, { token }) as InviteOffer;
    });
  acceptInvite = (link: string, email: string, first: string, last: string, password: string) =>
    this.#reply("acceptInvite", [link, email, first, last, password], () => {
      const who = this.#tape.ask("", "ACCEPT_INVITE", null, {
        token: link.trim().replace(LINK, ""),
        email,
        first_name: first,
        last_name: last,
        password,
        client_type: "native",
      });
      this.#enter((who as { user_id: string }).user_id);
      return null;
    });
  inviteMember = (request: MemberInviteRequest) =>
    this.#reply("inviteMember", [request], () => {
      const made = this.#service("CREATE_MEMBER_INVITE", null, request) as { token: string };
      return `${LINK}${made.token}`;
    });
  saveUsageCsv = (query: UsageQuery) =>
    this.#reply("saveUsageCsv", [query], () => "Downloads/usage.csv");
  saveAuditCsv = (query: AuditQuery) =>
    this.#reply("saveAuditCsv", [query], () => "Downloads/audit.csv");
  saveExport = () => this.#reply("saveExport", [], () => "Downloads/acme-sales.json");
  saveRecording = (callId: string) =>
    this.#reply("saveRecording", [callId], () => `Downloads/${callId}.ogg`);
  playRecording = (callId: string, fromMs: number) =>
    this.#reply("playRecording", [callId, fromMs], () => {
      const peaks = this.#service("RECORDING_PEAKS", callId, null) as RecordingPeaks;
      const duration_ms = peaks.peaks.length * peaks.interval_ms;
      clearInterval(this.#playing);
      let position_ms = fromMs;
      const told = (playing: boolean) =>
        this.tell("playback", { call_id: callId, position_ms, duration_ms, playing });
      told(true);
      // In a plain browser, time goes on; in a test it stands still.
      if (this.#live) {
        this.#playing = setInterval(() => {
          position_ms = Math.min(duration_ms, position_ms + 200);
          told(position_ms < duration_ms);
        }, 200);
      }
      this.#stopPlaying = () => told(false);
      return null;
    });
  pausePlayback = () =>
    this.#reply("pausePlayback", [], () => {
      clearInterval(this.#playing);
      this.#stopPlaying?.();
      return null;
    });
  pauseRecording = (paused: boolean) =>
    this.#reply("pauseRecording", [paused], () => {
      const call = this.viewNow.my_call?.call;
      if (!call?.recording) {
        throw new Failure({ code: "conflict", message: "This call is not recorded." });
      }
      const status = paused ? ("paused" as const) : ("recording" as const);
      this.#changeCall(call.id, { recording: { ...call.recording, status } });
      return null;
    });

  // ---- the service ----

  call = <Id, In, Out>(route: Route<Id, In, Out>, id: Id, input: In): Promise<Out> => {
    const args = [id, input].filter((one) => one !== null);
    return this.#reply(route.name, args, () => {
      switch (route.name) {
        case "LIST_INVITATION_TARGETS":
          return { data: this.#invitationTargets(), has_more: false, cursor: null };
        case "RECEIVE_SIMULATED_CALL":
          return this.#receive(input as InboundCallRequest);
        default:
          return this.#service(route.name, id as string | null, input);
      }
    }) as Promise<Out>;
  };

  /** Asks the tape as who is signed in; the view follows what was written. */
  #service(route: string, id: string | null, input: unknown): unknown {
    const who = this.viewNow.me?.user.id ?? "";
    const before = this.#tape.state;
    const answer = this.#tape.ask(who, route, id, input);
    if (who && this.#tape.state !== before) {
      this.change({
        directory_version: this.viewNow.directory_version + 1,
        me: this.#me(who),
        users: this.#users(who),
        balance: this.#balanceFor(who),
      });
    }
    return answer;
  }

  #data<T>(who: string, route: string): T[] {
    return (this.#tape.ask(who, route, null, null) as List<T>).data;
  }
  #me(who: string): Me {
    return this.#tape.ask(who, "ME", null, null) as Me;
  }
  /** What the shell asks for of its own for whoever manages the organization. */
  #balanceFor(who: string): Balance | null {
    const manages = this.#me(who).role.permissions.includes("manage_organization");
    return manages ? (this.#tape.ask(who, "BALANCE", null, null) as Balance) : null;
  }
  #users(who: string): User[] {
    return this.#data<User>(who, "LIST_USERS");
  }
  #leads(): Lead[] {
    return this.#data<Lead>(ADMIN, "LIST_LEADS");
  }
  #numbers(): PhoneNumber[] {
    return this.#data<PhoneNumber>(ADMIN, "LIST_PHONE_NUMBERS");
  }
  #roles(): Role[] {
    return this.#data<Role>(ADMIN, "LIST_ROLES");
  }
  /** In the order in which the demonstration has them. */
  #members(): Member[] {
    const members = this.#data<Member>(ADMIN, "LIST_MEMBERS");
    return members.toSorted((a, b) => a.membership_id.localeCompare(b.membership_id));
  }

  #enter(who: string): void {
    this.change({
      connection: "online",
      signing_in: false,
      users: this.#users(who),
      me: this.#me(who),
      balance: this.#balanceFor(who),
    });
  }

  #receive(request: InboundCallRequest): Call {
    const lead = this.#leads().find(({ id }) => id === request.lead_id);
    const number = this.#numbers().find(({ id }) => id === request.local_phone_id);
    const rung = this.#members().find(({ user }) => user.id === number?.user_id);
    if (!lead || !number || !rung) {
      throw new Failure({ code: "conflict", message: "Nobody owns this number." });
    }
    return this.rings(rung.user.first_name, lead.display_name, {
      local_phone: number.number,
      local_phone_type: number.type,
    });
  }

  /** Teammates with the desktop app online, as the service lists them. */
  #invitationTargets(): InvitationTarget[] {
    const roles = new Map(this.#roles().map((role) => [role.id, role]));
    const members = new Map(this.#members().map((member) => [member.user.id, member]));
    const isNative = ({ availability }: UserAvailability) =>
      availability.some(({ type, status }) => type === "native" && status === "online");
    return this.availabilityNow
      .filter((one) => isNative(one) && one.user_id !== this.viewNow.me?.user.id)
      .map(({ user_id }) => {
        const role = roles.get(members.get(user_id)?.role_id ?? "");
        const joinable = role?.permissions.includes("call_coach_listen") ?? false;
        const refusal = {
          code: "permission_required" as const,
          message: "Their role does not have the Listen permission.",
        };
        return { user_id, joinability: joinable ? { joinable } : { joinable, ...refusal } };
      });
  }

  // ---- inside ----

  #signedOut(): AppView {
    const roles = new Map(this.#roles().map(({ id, name }) => [id, name]));
    return {
      profile: "default",
      version: "0.1.0",
      server: { local: true, url: "http://127.0.0.1:8080" },
      local_service: { status: "running", message: null },
      demo_users: this.#members().map(({ user, role_id }) => ({
        email: user.email,
        name: `${user.first_name} ${user.last_name}`,
        role: roles.get(role_id) ?? "",
      })),
      signing_in: false,
      sign_in_kept: true,
      connection: "signed_out",
      clock_offset_ms: RECORDED_AT - this.#started,
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

  on = async <K extends EventName>(name: K, told: (payload: Events[K]) => void) => {
    const all = (this.#heard[name] ??= new Set() as never) as Set<(payload: Events[K]) => void>;
    all.add(told);
    for (const [of, payload] of this.#later) if (of === name) told(payload as Events[K]);
    return () => void all.delete(told);
  };

  #newId(kind: string): string {
    return `${kind}_${++this.#ids}`;
  }

  async #reply<T>(name: string, args: unknown[], doing: () => T): Promise<T> {
    this.asked.push([name, ...args]);
    const refused = this.refuse.get(name);
    if (refused === "never") return new Promise(() => undefined);
    if (refused) throw refused;
    return doing();
  }

  #changeCall(id: string, change: Partial<Call>): void {
    const { calls, my_call } = this.viewNow;
    const changed = (call: Call) => (call.id === id ? { ...call, ...change } : call);
    this.change({
      calls: calls.map(changed),
      my_call: my_call && { ...my_call, call: changed(my_call.call) },
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
