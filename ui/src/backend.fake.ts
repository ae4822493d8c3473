// The twin of the shell for tests and for a plain browser. What the service answers and what the shell
// shows are replayed as they were recorded; what is made up here is what a sound card or a file would do.
import {
  Failure,
  type AppSettings,
  type AppView,
  type AuditQuery,
  type Backend,
  type CoachMode,
  type EventName,
  type Events,
  type InboundCallRequest,
  type Invitation,
  type InviteOffer,
  type Lead,
  type LeavingChoice,
  type Link,
  type List,
  type Member,
  type MemberInviteRequest,
  type NumberLookup,
  type NumberQuery,
  type PasswordResetOffer,
  type PasswordStrength,
  type PhoneNumber,
  type Place,
  type PlaceCallRequest,
  type Call,
  type CallPatch,
  type RecordingPeaks,
  type Route,
  type SetUp,
  type SetUpForm,
  type SetupOffer,
  type SoundDevices,
  type UsageQuery,
} from "./backend";
import { FakeImports } from "./fake/imports";
import { RECORDED_AT, Tape } from "./fake/tape";
import { shellOf, SIGN_IN_REFUSED, Views } from "./fake/views";

const LINK = "https://coaching.example.com/join/";
const RESET_LINK = "https://coaching.example.com/reset/#";
const PASSWORD = "demo-password";
export const SETUP_LINK = "callcoaching://setup/abcdefghijklmnop?place=team";
export const SERVER_SETUP_LINK =
  "callcoaching://setup/abcdefghijklmnop?server=https%3A%2F%2Fcoaching.example.com";
/** Who may read all of the tape. */
const ADMIN = "user_alex";

const WRONG_PASSWORD = { code: "wrong_password", message: "That's not your current password." };

const WRONG_CODE = {
  code: "wrong_code",
  message: "That code isn't right, or was already used. Wait for the next one and try again.",
};
/** What the authenticator app shows. */
const CODE = "123456";
const SETUP = {
  secret: "JBSWY3DPEHPK3PXP",
  uri: "otpauth://totp/Call%20Coaching:riley%40demo.example?secret=JBSWY3DPEHPK3PXP",
  qr_svg:
    '<svg xmlns="http://www.w3.org/2000/svg" width="220" height="220"><path d="M20 20h180v180h-180z"/></svg>',
};
const RECOVERY_CODES = Array.from({ length: 10 }, (_, at) => `0000${at}-11111-22222-33333`);

/** What the shell thinks of a password is its own; here, a long one will do. */
function strengthOf(password: string): PasswordStrength {
  return password.length < 16
    ? { score: 1, advice: "This password is too easy to guess. Add another word or two." }
    : { score: 4, advice: null };
}

export const userId = (first: string): string => `user_${first.toLowerCase()}`;

export const DEVICES: SoundDevices = {
  microphones: [
    { id: "mic_1", name: "Built-in microphone", is_default: true },
    { id: "mic_2", name: "Jabra Evolve2 65 (USB port 2)", is_default: false },
    { id: "mic_3", name: "Jabra Evolve2 65 (Bluetooth)", is_default: false },
  ],
  loudspeakers: [
    { id: "out_1", name: "Built-in speakers", is_default: true },
    { id: "out_2", name: "Jabra Evolve2 65", is_default: false },
  ],
};

export class FakeBackend implements Backend {
  readonly #started = Date.now();
  readonly #tape = new Tape();
  readonly #views = new Views();
  /** Imports of leads, which a test may look at. */
  readonly imports = new FakeImports();
  readonly #live: boolean;
  readonly #heard: { [K in EventName]?: Set<(payload: never) => void> } = {};
  readonly #later: [EventName, unknown][] = [];
  #shell = shellOf("demo");
  #here: Partial<AppView> = {};
  #playing: ReturnType<typeof setInterval> | undefined;
  #stopPlaying: (() => void) | undefined;
  viewNow: AppView = this.#view(this.#views.moment);
  settingsNow: AppSettings = {
    microphone: null,
    loudspeaker: null,
    echo_cancellation: true,
    noise_suppression: true,
    gain_control: true,
    theme: "system",
    hold_to_whisper: "Control+Alt+Space",
    audible_keys: "alt",
    autostart: false,
    local_phone_id: null,
  };
  /** Whether the service confirms what is asked; else what shows as under way stays so. */
  confirms = true;
  shortcutTrouble: string | null = null;
  /** What sets up this computer's team; null once there is one. */
  teamLink: string | null = SETUP_LINK;
  setupOffer: SetupOffer = {
    organization_name: null,
    country: null,
    time_zone: null,
    date_expires: new Date(RECORDED_AT + 3_600_000).toISOString(),
  };
  /** Who has set a team up. */
  #founder: { email: string; password: string } | null = null;
  /** Whether the service sends mail. */
  mails = false;
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

  /** Told to whoever begins to listen: a scene is set before the window is there. */
  later<K extends EventName>(name: K, payload: Events[K]): void {
    this.#later.push([name, payload]);
  }

  tell<K extends EventName>(name: K, payload: Events[K]): void {
    for (const told of this.#heard[name] ?? []) told(payload as never);
  }

  /** It is that moment of the recording now. */
  at(moment: string): void {
    this.viewNow = this.#view(moment);
    this.tell("viewChanged", this.viewNow);
  }

  /** The app works elsewhere, or the service in use does otherwise: `first`, `demo`, `demo-starting`,
   * `demo-failed`, `team`, `team-starting`, `team-failed`, `elsewhere`. */
  shell(name: string): void {
    this.#shell = shellOf(name);
    this.at(this.#views.moment);
  }

  /** What only this computer knows is so from now on. */
  here(change: Partial<AppView>): void {
    this.#here = { ...this.#here, ...change };
    this.at(this.#views.moment);
  }

  /** Changes what a route answers from now on, for a moment that was not recorded. */
  edit<Id, In, Out>(route: Route<Id, In, Out>, edit: (answer: Out, input: In) => Out): void {
    this.#tape.edit(route, edit);
  }

  /** Signs that member in, while nobody is on a call. */
  as(first: string): void {
    this.at(`${first.toLowerCase()}/home`);
  }

  /** The lead answers this user's call. */
  answered(): void {
    this.#do("answered", []);
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
  compareMicrophones = (on: boolean) =>
    this.#reply("compareMicrophones", [on], () => {
      if (!on) return null;
      const loud = (id: string) => (id === "mic_2" ? -18 : -70);
      const levels = DEVICES.microphones.map(({ id }) => ({ id, level_dbov: loud(id) }));
      this.tell("microphoneLevels", levels);
      return null;
    });
  choosePlace = (place: Place | null) =>
    this.#reply("choosePlace", [place], () => {
      const shell = place?.kind === "server" ? "elsewhere" : (place?.kind ?? "first");
      this.#shell = { ...shellOf(shell), place };
      this.at(this.#views.moment);
      return null;
    });
  signIn = (email: string, password: string) =>
    this.#reply("signIn", [email, password], () => this.#signIn(email, password));
  signInDemo = (email: string) =>
    this.#reply("signInDemo", [email], () => this.#signIn(email, PASSWORD));
  signOut = () =>
    this.#reply("signOut", [], () => {
      this.at("sign-in");
      return null;
    });
  placeCall = (request: PlaceCallRequest) =>
    this.#reply("placeCall", [request], () => {
      const number = this.#numbers().find(({ id }) => id === request.local_phone_id);
      const { lead_id, remote_phone } = request;
      if (lead_id) this.#callNext(lead_id, remote_phone, number?.number);
      else this.#dialNext(remote_phone ?? "", number?.number);
      const call = this.#do("placeCall", []) as Call;
      if (this.#live) setTimeout(() => this.answered(), 2500);
      return call;
    });
  answer = this.#step<[callId: string]>("answer");
  declineCall = this.#step<[callId: string]>("declineCall");
  hangUp = this.#step<[]>("hangUp");
  hold = this.#step<[held: boolean]>("hold");
  dtmf = (digits: string) => this.#reply("dtmf", [digits], () => null);
  mute = this.#step<[muted: boolean]>("mute");
  pauseRecording = this.#step<[paused: boolean]>("pauseRecording");
  invite = this.#step<[userIds: string[]], Invitation[]>("invite");
  decline = this.#step<[invitationId: string]>("decline");
  join = this.#step<[callId: string, invitationId: string | null]>("join");
  setMode = this.#step<[mode: CoachMode]>("setMode");
  holdToWhisper = this.#step<[held: boolean]>("holdToWhisper");
  leave = this.#step<[]>("leave");
  openWindow = () => this.#reply("openWindow", [], () => null);
  linkFollowed = (number: number) =>
    this.#reply("linkFollowed", [number], () => {
      this.here({ link: null });
      return null;
    });
  answerLeaving = (choice: LeavingChoice) =>
    this.#reply("answerLeaving", [choice], () => {
      this.here({ leaving: null });
      return null;
    });
  resumeSignIn = () => this.#reply("resumeSignIn", [], () => false);

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
  // A service with demo data makes no set-up links, so there is none on the tape.
  readLink = (link: string) =>
    this.#reply("readLink", [link], (): Link => {
      if (link.includes("/setup/")) return { kind: "setup", link };
      if (link.includes("/reset/")) return { kind: "reset", link };
      return link.startsWith(LINK) ? { kind: "invite", link } : { kind: "unknown" };
    });
  beginTeam = () => this.#reply("beginTeam", [], () => this.teamLink);
  lookUpSetup = (link: string) =>
    this.#reply("lookUpSetup", [link], () => {
      const server = new URL(link).searchParams.get("server");
      if (server) {
        this.#shell = { ...shellOf("elsewhere"), place: { kind: "server", url: server } };
        this.at(this.#views.moment);
      }
      return this.setupOffer;
    });
  setUp = (link: string, form: SetUpForm) =>
    this.#reply("setUp", [link, form], (): SetUp => {
      this.teamLink = null;
      this.#founder = { email: form.email, password: form.password };
      return { organization_id: "orga_acme", organization_name: form.organization_name };
    });
  passwordStrength = (password: string, names: string[]) =>
    this.#reply("passwordStrength", [password, names], () => strengthOf(password));
  changeEmail = (email: string, password: string) =>
    this.#reply("changeEmail", [email, password], () => {
      if (password !== PASSWORD) throw new Failure(WRONG_PASSWORD);
      return { confirmation_sent: false };
    });
  changePassword = (oldPassword: string, newPassword: string) =>
    this.#reply("changePassword", [oldPassword, newPassword], () => {
      if (oldPassword !== PASSWORD) throw new Failure(WRONG_PASSWORD);
      return null;
    });
  createPasswordReset = (membershipId: string) =>
    this.#reply("createPasswordReset", [membershipId], () => {
      const made = this.#service("CREATE_PASSWORD_RESET", membershipId, {}) as { token: string };
      return `${RESET_LINK}${made.token}`;
    });
  signInCode = (code: string) =>
    this.#reply("signInCode", [code], () => {
      if (code !== CODE) throw new Failure(WRONG_CODE);
      this.#enter("user_riley");
      return null;
    });
  beginSecondFactorAtSignIn = () => this.#reply("beginSecondFactorAtSignIn", [], () => SETUP);
  confirmSecondFactorAtSignIn = (code: string) =>
    this.#reply("confirmSecondFactorAtSignIn", [code], () => {
      if (code !== CODE) throw new Failure(WRONG_CODE);
      this.#enter("user_riley");
      return RECOVERY_CODES;
    });
  setUpSecondFactor = (password: string) =>
    this.#reply("setUpSecondFactor", [password], () => {
      if (password !== PASSWORD) throw new Failure(WRONG_PASSWORD);
      return SETUP;
    });
  confirmSecondFactor = (code: string) =>
    this.#reply("confirmSecondFactor", [code], () => {
      if (code !== CODE) throw new Failure(WRONG_CODE);
      return RECOVERY_CODES;
    });
  renewRecoveryCodes = (password: string) =>
    this.#reply("renewRecoveryCodes", [password], () => {
      if (password !== PASSWORD) throw new Failure(WRONG_PASSWORD);
      return RECOVERY_CODES;
    });
  removeSecondFactor = (password: string) =>
    this.#reply("removeSecondFactor", [password], () => {
      if (password !== PASSWORD) throw new Failure(WRONG_PASSWORD);
      return null;
    });
  authOptions = () => this.#reply("authOptions", [], () => ({ reset_by_mail: this.mails }));
  forgotPassword = (email: string) => this.#reply("forgotPassword", [email], () => null);
  lookUpPasswordReset = (link: string) =>
    this.#reply("lookUpPasswordReset", [link], () => {
      const token = link.trim().replace(RESET_LINK, "");
      const offer = this.#tape.ask("", "LOOK_UP_PASSWORD_RESET", null, { token });
      return offer as PasswordResetOffer;
    });
  resetPassword = (link: string, password: string) =>
    this.#reply("resetPassword", [link, password], () => {
      const token = link.trim().replace(RESET_LINK, "");
      this.#tape.ask("", "RESET_PASSWORD", null, { token, password });
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
  uploadImportPart = (id: string, offset: number, base64: string) =>
    this.#reply("uploadImportPart", [id, offset], () => this.imports.upload(id, offset, base64));
  saveImportTemplate = () =>
    this.#reply("saveImportTemplate", [], () => "Downloads/leads-template.csv");
  saveLeadsCsv = () => this.#reply("saveLeadsCsv", [], () => "Downloads/leads.csv");
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
  // ---- the service ----

  call = <Id, In, Out>(route: Route<Id, In, Out>, id: Id, input: In): Promise<Out> => {
    const args = [id, input].filter((one) => one !== null);
    return this.#reply(route.name, args, () => {
      switch (route.name) {
        case "LIST_INVITATION_TARGETS":
          return this.#views.targets;
        case "LOOK_UP_NUMBER":
          return this.#lookUp((input as NumberQuery).number ?? "");
        case "CHANGE_CALL":
          return this.#annotate(id as string, input as CallPatch);
        case "RECEIVE_SIMULATED_CALL":
          return this.#receive(input as InboundCallRequest);
        default:
          return (
            this.#imported(route.name, id as string | null, input) ??
            this.#service(route.name, id as string | null, input)
          );
      }
    }) as Promise<Out>;
  };

  #imported(route: string, id: string | null, input: unknown): unknown {
    const now = new Date(this.now()).toISOString();
    return this.imports.call(route, id, input, now, this.viewNow.me?.user.id ?? "");
  }

  /** A call that was made here is not on the tape. */
  #annotate(id: string, patch: CallPatch): unknown {
    if (id.startsWith("acti_past")) return this.#service("CHANGE_CALL", id, patch);
    return { id, ...patch };
  }

  /** Asks the tape as who is signed in; the view is another after a write. */
  #service(route: string, id: string | null, input: unknown): unknown {
    const before = this.#tape.state;
    const answer = this.#tape.ask(this.viewNow.me?.user.id ?? "", route, id, input);
    if (this.#tape.state !== before) this.at(this.#views.moment);
    return answer;
  }

  #data<T>(route: string): T[] {
    return (this.#tape.ask(ADMIN, route, null, null) as List<T>).data;
  }
  #numbers(): PhoneNumber[] {
    return this.#data<PhoneNumber>("LIST_PHONE_NUMBERS");
  }

  #signIn(email: string, password: string): null {
    if (this.#founder?.email === email && this.#founder.password === password) {
      this.#enter(ADMIN);
      return null;
    }
    const found = this.#data<Member>("LIST_MEMBERS").find(({ user }) => user.email === email);
    if (!found || password !== PASSWORD) throw new Failure(SIGN_IN_REFUSED);
    this.#enter(found.user.id);
    return null;
  }

  #enter(who: string): void {
    this.at(`${who.replace("user_", "")}/home`);
  }

  #receive({ local_phone_id, lead_id }: InboundCallRequest): unknown {
    this.#callNext(lead_id, null, "");
    return this.#do("RECEIVE_SIMULATED_CALL", [{ local_phone_id }]);
  }

  /** A number as this organization in the US would call it. */
  #lookUp(text: string): NumberLookup {
    const digits = text.replace(/\D/g, "").replace(/^1(?=\d{10}$)/, "");
    const refusal = digits === "911" ? "911 is an emergency number." : null;
    if (!refusal && digits.length < 10) {
      throw new Failure({ code: "invalid_request", message: "This number is too short." });
    }
    const abroad = text.trim().startsWith("+") && digits.length > 10;
    const number = refusal ? digits : `+${abroad ? "" : 1}${digits}`;
    const national = digits.replace(/^(\d{3})(\d{3})(\d{4})$/, "($1) $2-$3");
    const leads = this.#data<Lead>("LIST_LEADS");
    const has = ({ contacts }: Lead) =>
      contacts.some(({ phones }) => phones.some((one) => one.phone === number));
    const lead = leads.find(has);
    return {
      number,
      display_number: abroad ? number : national,
      country: abroad ? null : "US",
      lead: lead ? { id: lead.id, display_name: lead.display_name } : null,
      refusal,
    };
  }

  /** The call that is placed is one with whoever has the number. */
  #dialNext(text: string, local = ""): void {
    const { number, display_number, lead } = this.#lookUp(text);
    if (lead) return this.#callNext(lead.id, number, local);
    const contacts = [{ id: "cont_new", phones: [{ phone: number }] }];
    this.#views.call({ id: "lead_new", display_name: display_number, contacts }, number, local);
  }

  /** Whom the call is with that is placed or comes next. */
  #callNext(leadId: string, phone: string | null | undefined, number = ""): void {
    const lead = this.#data<Lead>("LIST_LEADS").find(({ id }) => id === leadId);
    if (!lead) throw new Failure({ code: "not_recorded", message: `There is no ${leadId}.` });
    this.#views.call(lead, phone, number);
  }

  // ---- inside ----

  /** A moment's view, as this machine shows it. */
  #view(moment: string): AppView {
    const clock_offset_ms = RECORDED_AT - this.#started;
    const view = this.#views.go(moment, this.#tape.state, this.now());
    return { ...view, ...this.#shell, ...this.#here, clock_offset_ms };
  }

  /** Does what was recorded for a command in this moment. */
  #do(name: string, args: unknown[]): unknown {
    const step = this.#views.step(name, args);
    if (step.meanwhile) this.at(step.meanwhile);
    if (step.meanwhile && !this.confirms) return null;
    this.at(step.then);
    return this.#views.answer(step);
  }

  #step<A extends unknown[], T = null>(name: string): (...args: A) => Promise<T> {
    return (...args) => this.#reply(name, args, () => this.#do(name, args) as T);
  }

  on = async <K extends EventName>(name: K, told: (payload: Events[K]) => void) => {
    const all = (this.#heard[name] ??= new Set() as never) as Set<(payload: Events[K]) => void>;
    all.add(told);
    for (const [of, payload] of this.#later) if (of === name) told(payload as Events[K]);
    return () => void all.delete(told);
  };

  async #reply<T>(name: string, args: unknown[], doing: () => T): Promise<T> {
    this.asked.push([name, ...args]);
    const refused = this.refuse.get(name);
    if (refused === "never") return new Promise(() => undefined);
    if (refused) throw refused;
    return doing();
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
