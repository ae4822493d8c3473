// What the window knows: the shell's view and settings, fed by its events, and what only the window has:
// the page, toasts, and what is shown for a moment and then forgotten (levels, the quality of
// connections, keys that the lead pressed, that the connection is back). All of that may be lost when the
// page is loaded again; what may not is the shell's. It asks the shell once, at the start; from then on
// it is told.
import { getContext, setContext } from "svelte";
import {
  Failure,
  route,
  type AppSettings,
  type AppView,
  type Backend,
  type Call,
  type CallPatch,
  type CoachMode,
  type Dial,
  type EventName,
  type Events,
  type LeadKey,
  type LeadQuality,
  type Levels,
  type OrganizationPatch,
  type Playback,
  type Quality,
  type Message,
  type User,
} from "./backend";
import { Clock } from "./clock.svelte";
import { hashOf, routeOf, type Route } from "./lib/route";

export type Toast = Pick<Message, "kind" | "message" | "stays"> & { id: number };

/** So many messages are shown at once. Those that stay go before the others, up to a bound of their own. */
const TOASTS_MAX = 4;
const STAYING_TOASTS_MAX = 8;
const TOAST_MS = 8_000;
const BACK_MS = 4_000;
/** So many of the keys that the lead pressed are shown, for so long after the last of them. */
const LEAD_KEYS_MAX = 8;
const LEAD_KEYS_MS = 6_000;
const SILENCE_DBOV = -127;

export class AppState {
  readonly backend: Backend;
  readonly clock = new Clock();
  view = $state.raw<AppView | null>(null);
  settings = $state.raw<AppSettings | null>(null);
  /** The link that was opened or pasted last and lets somebody in, until they are or have gone back. */
  opened = $state.raw<{ kind: "invite" | "setup" | "reset"; link: string } | null>(null);
  /** Recovery codes that were made just now: they are shown until they were put somewhere safe. */
  recoveryCodes = $state.raw<string[] | null>(null);
  /** Notices that were read. */
  #read = $state.raw<ReadonlySet<string>>(new Set());
  /** Why the app could not begin at all. */
  fatal = $state<string | null>(null);
  route = $state.raw<Route>({ page: "leads" });
  toasts = $state.raw<Toast[]>([]);
  microphoneLevel_dbov = $state(SILENCE_DBOV);
  quality = $state.raw<Quality | null>(null);
  levels = $state.raw<Levels | null>(null);
  /** How the recording that was played last goes. */
  playback = $state.raw<Playback | null>(null);
  /** The number that a link asks to dial, until the person has said yes or no. */
  dialing = $state.raw<Dial | null>(null);
  /** The user's own call that ended last, until its outcome was chosen or the next call begins. */
  ended = $state.raw<Call | null>(null);
  /** Counts how often this user said what came of a call: lists of calls ask again then. */
  annotated = $state(0);
  /** The connection is back since a moment ago: said for a while. */
  back = $state(false);

  /** What was told of the lead's phone last, and on which call. */
  #leadQuality = $state.raw<LeadQuality | null>(null);
  #leadKeys = $state.raw<{ call_id: string; keys: string } | null>(null);
  #leadKeysTimer: ReturnType<typeof setTimeout> | undefined;
  #stops: (() => void)[] = [];
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #toastId = 0;
  #holding = false;
  /** The link that was followed last, and the one that was said to wait for a sign-in. */
  #followed = 0;
  #announced = 0;

  /** Whether what is shown is as the service knows it now. */
  readonly online = $derived(this.view?.connection === "online");
  readonly users = $derived(new Map((this.view?.users ?? []).map((user) => [user.id, user])));
  /** The service's clock. */
  readonly now = $derived(this.clock.now + (this.view?.clock_offset_ms ?? 0));
  readonly rate = $derived(this.view?.me?.organization.coach_rate_micro_dollars_per_minute ?? 0);
  readonly permissions = $derived(this.view?.me?.role.permissions ?? []);
  /** On a call of one's own, or coaching one. */
  readonly onCall = $derived(Boolean(this.view?.my_call ?? this.view?.coaching));
  /** What is wrong on this computer and was not read yet. */
  readonly notices = $derived(
    (this.view?.notices ?? []).filter((notice) => !this.#read.has(notice)),
  );
  readonly manages = $derived(this.permissions.includes("manage_organization"));
  /** Whether this user can change the plan: not everywhere do those who manage the organization. */
  readonly changesPlan = $derived(
    this.manages && (this.view?.me?.organization.plan_change_allowed ?? false),
  );
  readonly #myCallId = $derived(this.view?.my_call?.call.id);
  /** How the network to the lead's phone does; null before it was told, and without one. */
  readonly leadQuality = $derived(
    this.#leadQuality?.call_id === this.#myCallId ? this.#leadQuality : null,
  );
  /** The keys that the lead pressed a moment ago, in order; empty when there were none. */
  readonly leadKeys = $derived(
    this.#leadKeys?.call_id === this.#myCallId ? (this.#leadKeys?.keys ?? "") : "",
  );
  readonly balance = $derived(this.view?.balance ?? null);
  /** Changes when what a page about the organization shows may have changed: it asks again then. */
  readonly directory = $derived(
    JSON.stringify([this.view?.me, this.view?.users, this.view?.directory_version, this.online]),
  );

  constructor(backend: Backend) {
    this.backend = backend;
  }

  async start(): Promise<void> {
    this.clock.start();
    this.followAddress();
    try {
      let told = false;
      await this.#on("viewChanged", (view) => {
        told = true;
        this.#show(view);
      });
      await this.#on(
        "microphoneLevel",
        ({ level_dbov }) => (this.microphoneLevel_dbov = level_dbov),
      );
      await this.#on("quality", (quality) => (this.quality = quality));
      await this.#on("leadQuality", (quality) => (this.#leadQuality = quality));
      await this.#on("leadKey", (pressed) => this.#leadPressed(pressed));
      await this.#on("levels", (levels) => (this.levels = levels));
      await this.#on("playback", (playback) => (this.playback = playback));
      await this.#on("message", ({ kind, message, stays }) => this.say(kind, message, stays));
      this.settings = await this.backend.settings();
      const view = await this.backend.view();
      // An event that came meanwhile is newer than this answer.
      if (!told) this.#show(view);
    } catch (error) {
      this.fatal = messageOf(error);
    }
  }

  stop(): void {
    this.clock.stop();
    for (const stop of this.#stops.splice(0)) stop();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Changes the organization that this user is in. */
  async change(patch: OrganizationPatch): Promise<void> {
    const me = this.view?.me;
    if (me) await this.backend.call(route.changeOrganization, me.organization.id, patch);
  }

  /** Says what came of a call. Throws when it was refused. */
  async annotate(call: Call, patch: CallPatch): Promise<void> {
    await this.backend.call(route.changeCall, call.id, patch);
    this.annotated += 1;
  }

  /** Does what the person asked for; says so when it was refused. Whether it was done. */
  async act(doing: (backend: Backend) => Promise<unknown>): Promise<boolean> {
    try {
      await doing(this.backend);
      return true;
    } catch (error) {
      this.say("error", messageOf(error));
      return false;
    }
  }

  /** Says it for a while, or until it is dismissed. */
  say(kind: Toast["kind"], message: string, stays = false): void {
    const id = ++this.#toastId;
    const others = this.toasts.filter((toast) => toast.message !== message);
    // Said again for a while, it still stays.
    const kept = stays || this.toasts.some((toast) => toast.message === message && toast.stays);
    this.toasts = bounded([...others, { id, kind, message, stays: kept }]);
    if (!kept) this.#later(TOAST_MS, () => this.unsay(id));
  }

  readNotice(notice: string): void {
    this.#read = new Set([...this.#read, notice]);
  }

  unsay(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  /** Something is tried anew: what went wrong before is not said beside what comes of it, unless it is
   * to stay until it was read. */
  unsayErrors(): void {
    this.toasts = this.toasts.filter(({ kind, stays }) => kind !== "error" || stays);
  }

  go(route: Route): void {
    this.route = route;
    const hash = hashOf(route);
    if (location.hash !== hash) location.hash = hash;
  }

  followAddress = (): void => {
    this.route = routeOf(location.hash);
  };

  /** Calls a number, and goes to the lead that has it. Throws when it was refused. */
  async dial(local_phone_id: string, number: string): Promise<void> {
    const call = await this.backend.placeCall({ local_phone_id, remote_phone: number });
    this.go({ page: "lead", id: call.lead.id });
  }

  /** Goes to the page of a call's lead, also when the call has ended. */
  async openCall(callId: string): Promise<void> {
    try {
      const call = this.call(callId) ?? (await this.backend.call(route.getCall, callId, null));
      this.go({ page: "lead", id: call.lead.id });
    } catch (error) {
      const gone = error instanceof Failure && error.code === "not_found";
      if (gone) this.say("info", "That call has ended, or you don't have access to it.");
      else this.say("error", messageOf(error));
    }
  }

  user(id: string): User | undefined {
    return this.users.get(id);
  }

  /** The lead's calls in progress, oldest first. */
  callsWith(leadId: string): Call[] {
    return (this.view?.calls ?? [])
      .filter((call) => call.lead.id === leadId)
      .sort((a, b) => a.date_created.localeCompare(b.date_created));
  }

  /** A call in progress that the user may see. */
  call(id: string): Call | undefined {
    return this.view?.calls.find((call) => call.id === id);
  }

  /** Why this user cannot start or join another call now; null when it can be done. */
  get occupied(): string | null {
    return this.view?.occupied ?? null;
  }

  /** Why this user may not use that mode; null when they may. */
  modeRefusal(mode: CoachMode): string | null {
    return this.view?.modes.find((choice) => choice.mode === mode)?.refusal ?? null;
  }

  /** The key or the button is down, or up again. The shell is told of each change once. */
  hold(held: boolean): void {
    if (held === this.#holding) return;
    this.#holding = held;
    void this.act((backend) => backend.holdToWhisper(held));
  }

  async save(change: Partial<AppSettings>): Promise<string | null> {
    const before = this.settings;
    if (!before) return null;
    this.settings = { ...before, ...change };
    try {
      const { settings, shortcut_trouble } = await this.backend.setSettings(this.settings);
      this.settings = settings;
      return shortcut_trouble;
    } catch (error) {
      this.settings = before;
      this.say("error", messageOf(error));
      return null;
    }
  }

  #show(view: AppView): void {
    const before = this.view;
    const wasAway = before?.connection === "resuming" || before?.connection === "offline";
    if (wasAway && view.connection === "online") {
      this.back = true;
      this.#later(BACK_MS, () => (this.back = false));
    } else if (view.connection !== "online") {
      this.back = false;
    }
    if (!view.me) this.dialing = null;
    if (view.my_call || !view.me) this.ended = null;
    else if (before?.my_call) this.ended = before.my_call.call;
    if (!view.my_call && !view.coaching) {
      this.microphoneLevel_dbov = SILENCE_DBOV;
      this.quality = null;
      this.levels = null;
    }
    // What is not told any more is not known: the next figures come two seconds after the connection.
    if (view.connection !== "online") this.#leadQuality = null;
    if (!view.coaching) this.#holding = false;
    // What was read and is over is said again when it comes back.
    const read = [...this.#read].filter((notice) => view.notices.includes(notice));
    if (read.length < this.#read.size) this.#read = new Set(read);
    if (view.me) this.opened = null;
    this.view = view;
    this.#follow(view);
  }

  /** Does what a link asks for, as soon as it can be done. The shell keeps the link until then. */
  #follow({ link: asked, me, signing_in, connection }: AppView): void {
    if (!asked || asked.number === this.#followed || signing_in) return;
    const { number, link } = asked;
    const waits = link.kind === "call" || link.kind === "dial";
    if (waits && (!me || connection !== "online")) {
      const what = link.kind === "call" ? "open the call" : "make the call";
      if (!me && this.#announced !== number) this.say("info", `Sign in to ${what}.`);
      this.#announced = number;
      return;
    }
    this.#followed = number;
    void this.act((backend) => backend.linkFollowed(number));
    if (link.kind === "call") {
      void this.openCall(link.call_id);
    } else if (link.kind === "dial") {
      this.dialing = { number: link.number, extension: link.extension };
    } else if (link.kind === "unknown") {
      this.say("error", "That link doesn't work. Copy all of it, or ask for a new one.");
    } else if (me) {
      const what = { setup: "a set-up link", invite: "an invite link", reset: "a reset link" };
      this.say("info", `You're already signed in. To use ${what[link.kind]}, sign out first.`);
    } else {
      this.opened = link;
    }
  }

  #leadPressed({ call_id, key }: LeadKey): void {
    const before = this.#leadKeys?.call_id === call_id ? this.#leadKeys.keys : "";
    this.#leadKeys = { call_id, keys: (before + key).slice(-LEAD_KEYS_MAX) };
    if (this.#leadKeysTimer !== undefined) this.#forget(this.#leadKeysTimer);
    this.#leadKeysTimer = this.#later(LEAD_KEYS_MS, () => (this.#leadKeys = null));
  }

  async #on<K extends EventName>(name: K, told: (payload: Events[K]) => void): Promise<void> {
    this.#stops.push(await this.backend.on(name, told));
  }

  #later(delay_ms: number, doing: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      doing();
    }, delay_ms);
    this.#timers.add(timer);
    return timer;
  }

  #forget(timer: ReturnType<typeof setTimeout>): void {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }
}

/** The newest of them. One that stays is pushed out by too many of its kind only. */
function bounded(toasts: readonly Toast[]): Toast[] {
  const staying = toasts.filter(({ stays }) => stays).slice(-STAYING_TOASTS_MAX);
  const room = Math.max(1, TOASTS_MAX - staying.length);
  const passing = toasts.filter(({ stays }) => !stays).slice(-room);
  return toasts.filter((toast) => staying.includes(toast) || passing.includes(toast));
}

export function messageOf(error: unknown): string {
  if (error instanceof Failure) return error.message;
  console.error(error);
  return "Something went wrong in the app. Please try again.";
}

const KEY = Symbol("app");

export function provideApp(app: AppState): void {
  setContext(KEY, app);
}

export function useApp(): AppState {
  return getContext<AppState>(KEY);
}
