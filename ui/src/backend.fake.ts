// An organization in memory: the twin of the shell for tests and for a plain browser. It keeps the
// service's rules as far as a page can see them, and does at once what the service takes time for.
import {
  Failure,
  type AppSettings,
  type Backend,
  type Call,
  type CoachLeg,
  type CoachMode,
  type InboundCallRequest,
  type Invitation,
  type InvitationTarget,
  type PlaceCallRequest,
} from "./backend";
import { notFound, signedOut } from "./fake/base";
import { FakeBooks } from "./fake/books";
import { DEVICES, LEADS, userId, users } from "./fake/organization";

export { DEVICES, LEADS, userId };

export class FakeBackend extends FakeBooks implements Backend {
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
  leadsNow = LEADS;
  /** Whether a switch of mode is confirmed at once; else it stays under way. */
  confirms = true;
  shortcutTrouble: string | null = null;
  readonly #live: boolean;

  constructor({ live = false } = {}) {
    super();
    this.#live = live;
    if (live) this.#tick();
  }

  // ---- what a test or a scene does ----

  as(first: string): void {
    const user = users.find((user) => user.first_name === first);
    if (!user) throw new Error(`nobody is called ${first}`);
    this.availabilityNow = users.map(({ id }) => ({
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
    this.enter(user);
    if (this.viewNow.me?.role.permissions.includes("manage_organization")) {
      this.change({ balance: this.balanceNow() });
    }
  }

  /** A call in progress of that member with that lead. */
  call(first: string, lead: string, change: Partial<Call> = {}): Call {
    const found = LEADS.find(({ display_name }) => display_name === lead);
    const now = Date.now();
    const call: Call = {
      id: this.newId("acti"),
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
      id: this.newId("invi"),
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

  view = () => this.reply("view", [], () => this.viewNow);
  settings = () => this.reply("settings", [], () => this.settingsNow);
  setSettings = (settings: AppSettings) =>
    this.reply("setSettings", [settings], () => {
      this.settingsNow = settings;
      return { settings, shortcut_trouble: this.shortcutTrouble };
    });
  soundDevices = () => this.reply("soundDevices", [], () => DEVICES);
  testTone = () => this.reply("testTone", [], () => null);
  meterMicrophone = (on: boolean) => this.reply("meterMicrophone", [on], () => null);
  setServer = (local: boolean, url: string | null) =>
    this.reply("setServer", [local, url], () => {
      const all = signedOut();
      this.change({
        server: { local, url: local ? all.server.url : (url ?? "") },
        local_service: { status: local ? "running" : "off", message: null },
        demo_users: local ? all.demo_users : [],
      });
      return null;
    });
  signIn = (email: string, password: string) =>
    this.reply("signIn", [email, password], () => {
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
    this.reply("signInDemo", [email], () => {
      this.as(users.find((user) => user.email === email)?.first_name ?? "Riley");
      return null;
    });
  signOut = () =>
    this.reply("signOut", [], () => {
      this.change(signedOut());
      return null;
    });
  leads = (query: string) =>
    this.reply("leads", [query], () =>
      this.leadsNow.filter((lead) =>
        lead.display_name.toLowerCase().includes(query.trim().toLowerCase()),
      ),
    );
  lead = (id: string) =>
    this.reply("lead", [id], () => {
      const lead = this.leadsNow.find((lead) => lead.id === id);
      if (!lead) throw notFound("lead");
      return lead;
    });
  callsOfLead = (leadId: string) =>
    this.reply("callsOfLead", [leadId], () =>
      [...this.viewNow.calls, ...this.past].filter((call) => call.lead.id === leadId),
    );
  deleteLead = (id: string) =>
    this.reply("deleteLead", [id], () => {
      this.need("manage_organization");
      this.leadsNow = this.leadsNow.filter((lead) => lead.id !== id);
      this.past = this.past.filter((call) => call.lead.id !== id);
      return null;
    });
  inboundCall = (request: InboundCallRequest) =>
    this.reply("inboundCall", [request], () => {
      const lead = this.leadsNow.find(({ id }) => id === request.lead_id);
      const number = this.numbersNow.find(({ id }) => id === request.local_phone_id);
      const rung = users.find(({ id }) => id === number?.user_id);
      if (!lead || !number) throw notFound("lead");
      if (!rung) {
        throw new Failure({ code: "conflict", message: "Nobody owns this number." });
      }
      this.rings(rung.first_name, lead.display_name, {
        local_phone: number.number,
        local_phone_type: number.type,
      });
      return null;
    });
  /** A lead calls that member in. */
  rings(first: string, lead: string, change: Partial<Call> = {}): Call {
    return this.call(first, lead, {
      direction: "inbound",
      status: "ringing",
      date_created: new Date().toISOString(),
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
    this.reply("declineCall", [callId], () => {
      this.change({ calls: this.viewNow.calls.filter(({ id }) => id !== callId) });
      return null;
    });
  answer = (callId: string) =>
    this.reply("answer", [callId], () => {
      const call = this.viewNow.calls.find(({ id }) => id === callId);
      if (!call) throw new Failure({ code: "call_ended", message: "The call is over." });
      this.change({ my_call: { call, muted: false, ending: false }, media: "connected" });
      this.answered();
      return null;
    });
  invitationTargets = (callId: string) =>
    this.reply("invitationTargets", [callId], (): InvitationTarget[] =>
      this.availabilityNow
        .filter(({ user_id, availability }) => {
          const native = availability.some((a) => a.type === "native" && a.status === "online");
          return native && user_id !== this.viewNow.me?.user.id;
        })
        .map(({ user_id }) => ({
          user_id,
          joinability:
            (this.roleOf(user_id)?.permissions.length ?? 0) > 0
              ? { joinable: true }
              : {
                  joinable: false,
                  code: "permission_required",
                  message: "Their role does not have the Listen permission.",
                },
        })),
    );
  placeCall = (request: PlaceCallRequest) =>
    this.reply("placeCall", [request], () => {
      const lead = this.leadsNow.find(({ id }) => id === request.lead_id);
      const number = this.numbersNow.find(({ id }) => id === request.local_phone_id);
      const me = this.viewNow.me;
      if (!lead || !number || !me) {
        throw notFound("lead");
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
    this.reply("hangUp", [], () => {
      const call = this.viewNow.my_call?.call;
      if (call) {
        const date_ended = new Date().toISOString();
        this.past = [{ ...call, status: "completed", date_ended, duration: 134 }, ...this.past];
      }
      this.change({
        my_call: null,
        sent_invitations: [],
        media: "idle",
        calls: this.viewNow.calls.filter(({ id }) => id !== call?.id),
      });
      return null;
    });
  hold = (held: boolean) =>
    this.reply("hold", [held], () => {
      const call = this.viewNow.my_call?.call;
      if (call) this.#changeCall(call.id, { held });
      return null;
    });
  dtmf = (digits: string) => this.reply("dtmf", [digits], () => null);
  mute = (muted: boolean) =>
    this.reply("mute", [muted], () => {
      const { my_call, coaching } = this.viewNow;
      if (my_call) this.change({ my_call: { ...my_call, muted } });
      const heard = coaching?.mode === "barge" ? "everybody" : "rep";
      const audience = muted || coaching?.mode === "listen" ? "nobody" : heard;
      if (coaching) this.change({ coaching: { ...coaching, muted, audience } });
      return null;
    });
  invite = (userIds: string[]) =>
    this.reply("invite", [userIds], () => {
      const call = this.viewNow.my_call?.call;
      const me = this.viewNow.me;
      if (!call || !me) throw new Failure({ code: "call_ended", message: "The call is over." });
      const sent = userIds.map((invitee_id): Invitation => ({
        id: this.newId("invi"),
        call_id: call.id,
        lead: call.lead,
        inviter_id: me.user.id,
        invitee_id,
        status: "open",
        date_created: new Date().toISOString(),
        date_expires: new Date(Date.now() + 60_000).toISOString(),
      }));
      this.change({ sent_invitations: [...this.viewNow.sent_invitations, ...sent] });
      return sent;
    });
  decline = (invitationId: string) =>
    this.reply("decline", [invitationId], () => {
      this.#dropInvitation(invitationId);
      return null;
    });
  join = (callId: string, invitationId: string | null) =>
    this.reply("join", [callId, invitationId], () => {
      const call = this.viewNow.calls.find(({ id }) => id === callId);
      if (!call) throw new Failure({ code: "call_ended", message: "The call is over." });
      if (invitationId) this.#dropInvitation(invitationId);
      this.coach(call);
      return null;
    });
  setMode = (mode: CoachMode) =>
    this.reply("setMode", [mode], () => {
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
    this.reply("leave", [], () => {
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
    this.reply("holdToWhisper", [held], () => {
      const { calls, coaching } = this.viewNow;
      const call = calls.find(({ id }) => id === coaching?.call_id);
      if (call) this.coach(call, held ? "whisper" : "listen");
      return null;
    });
  openWindow = () => this.reply("openWindow", [], () => null);

  // ---- inside ----

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

  protected override playedOn(step: () => void): void {
    if (this.#live) this.playing(setInterval(step, 200));
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
