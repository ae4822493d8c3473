// Moments of the product, by name: what the pictures and the accessibility tests look at.
import { Failure, route, type CallRecording, type LeadQuality } from "./backend";
import { userId, type FakeBackend } from "./backend.fake";

type Scene = (fake: FakeBackend) => void;

function team(fake: FakeBackend, as = "Morgan"): void {
  fake.as(as);
  fake.onCall("Riley", "Globex");
  fake.onCall("Sam", "Initech", {
    direction: "inbound",
    joinability: {
      joinable: false,
      code: "inbound_call",
      message: "Inbound calls cannot be coached.",
    },
  });
  fake.onCall("Taylor", "Hooli", {
    status: "ringing",
    date_answered: null,
    joinability: {
      joinable: false,
      code: "call_ended",
      message: "The lead has not answered yet.",
    },
  });
}

function rep(fake: FakeBackend): void {
  team(fake, "Riley");
  const call = fake.viewNow.calls.find(({ user_id }) => user_id === userId("Riley"));
  if (!call) return;
  call.joinability = { joinable: false, code: "own_call", message: "This is your own call." };
  fake.change({ my_call: { call, muted: false, ending: false }, media: "connected" });
}

/** A call over a trunk, of which that was measured. */
function onThePhone(fake: FakeBackend, quality: Omit<LeadQuality, "call_id">): void {
  recorded(fake, "recording");
  const call = fake.viewNow.my_call?.call;
  if (call) fake.later("leadQuality", { call_id: call.id, ...quality });
}

/** Somebody who manages the organization, with something on every page about it. */
function admin(fake: FakeBackend): void {
  team(fake, "Alex");
}

/** As `admin`, with that much in the balance. */
const admins =
  (microDollars: number): Scene =>
  (fake) => {
    const of = <B extends { balance_micro_dollars: number; low_balance_micro_dollars: number }>(
      balance: B,
    ): B => ({
      ...balance,
      balance_micro_dollars: microDollars,
      is_low: microDollars < balance.low_balance_micro_dollars,
    });
    fake.edit(route.balance, of);
    fake.edit(route.usage, (usage) => ({ ...usage, balance: of(usage.balance) }));
    admin(fake);
  };

const ORGANIZATION_ROUTES = [
  route.listMembers,
  route.listMemberInvites,
  route.listRoles,
  route.listGroups,
  route.listPhoneNumbers,
  route.listPlans,
  route.usage,
  route.listLedger,
  route.listAudit,
  route.balance,
];
/** What the other pages read. */
const READ = [route.listLeads, route.getLead, route.listCalls, route.listGroups].map(
  ({ name }) => name,
);

function recorded(fake: FakeBackend, status: CallRecording["status"]): void {
  rep(fake);
  const mine = fake.viewNow.my_call;
  if (!mine) return;
  const recording = { status, date_started: fake.ago(120_000), duration_ms: 0, bytes: 0, gaps: [] };
  fake.change({ my_call: { ...mine, call: { ...mine.call, recording } } });
}

function coaching(mode: "listen" | "whisper" | "barge", muted = false): Scene {
  return (fake) => {
    team(fake);
    const call = fake.viewNow.calls[0];
    if (call) fake.coach(call, mode, muted);
  };
}

const refuses =
  (...names: string[]): Scene =>
  (fake) => {
    team(fake);
    const failure = new Failure({ code: "unreachable", message: "The service does not answer." });
    for (const name of names) fake.refuse.set(name, failure);
  };

export const scenes: Record<string, Scene> = {
  "sign-in": () => undefined,
  "sign-in-starting": (fake) =>
    fake.change({ local_service: { status: "starting", message: null } }),
  "sign-in-failed": (fake) =>
    fake.change({
      local_service: { status: "failed", message: "Port 8080 is taken by another program." },
    }),
  "sign-in-server": (fake) => void fake.setServer(false, "https://coaching.example.com"),
  "sign-in-resuming": (fake) => fake.change({ signing_in: true }),
  team,
  "team-trainee": (fake) => team(fake, "Taylor"),
  "team-user": (fake) => team(fake, "Sam"),
  "team-locked": (fake) => {
    team(fake);
    const me = fake.viewNow.me;
    if (!me) return;
    fake.change({
      me: { ...me, organization: { ...me.organization, plan: "professional" } },
      calls: fake.viewNow.calls.map((call) => ({
        ...call,
        joinability: {
          joinable: false,
          code: "plan_required",
          message: "Call Coaching needs the Business (legacy) or Enterprise plan.",
        },
      })),
    });
  },
  "not-kept": (fake) => {
    team(fake);
    fake.change({ sign_in_kept: false });
  },
  resuming: (fake) => {
    coaching("whisper")(fake);
    const { coaching: now } = fake.viewNow;
    if (!now) return;
    fake.change({
      connection: "resuming",
      media: "reconnecting",
      coaching: { ...now, mode: "listen", audience: "nobody", connected: false },
    });
  },
  offline: (fake) => {
    team(fake);
    fake.change({ connection: "offline" });
  },
  rep,
  "rep-recorded": (fake) => recorded(fake, "recording"),
  "rep-phone": (fake) => onThePhone(fake, { jitter_ms: 12, lost_permille: 4, round_trip_ms: 84 }),
  "rep-phone-poor": (fake) => {
    onThePhone(fake, { jitter_ms: 74, lost_permille: 61, round_trip_ms: null });
    const call = fake.viewNow.my_call?.call;
    if (!call) return;
    fake.coached(call.id, [fake.coachLeg("Morgan", "whisper"), fake.coachLeg("Casey", "barge")]);
    for (const key of "5315#*09") fake.later("leadKey", { call_id: call.id, key });
  },
  "rep-paused": (fake) => recorded(fake, "paused"),
  incoming: (fake) => {
    team(fake, "Riley");
    fake.change({ calls: [] });
    fake.rings("Riley", "Hooli");
  },
  admin,
  "admin-low": admins(400_000),
  "admin-negative": admins(-12_000),
  "admin-empty": (fake) => {
    admin(fake);
    const empty = <P extends { data: unknown[] }>(page: P): P => ({ ...page, data: [] });
    fake.edit(route.listGroups, empty);
    fake.edit(route.listPhoneNumbers, empty);
    fake.edit(route.listLedger, empty);
    fake.edit(route.listAudit, empty);
    fake.edit(route.usage, (usage) => ({
      ...usage,
      balance: { ...usage.balance, balance_micro_dollars: 0, is_low: true },
      by_day: [],
      by_month: [],
      by_coach: [],
      by_call: [],
    }));
  },
  "admin-loading": (fake) => {
    admin(fake);
    for (const { name } of ORGANIZATION_ROUTES) fake.refuse.set(name, "never");
  },
  "admin-error": (fake) => {
    admin(fake);
    const failure = new Failure({ code: "unreachable", message: "The service does not answer." });
    for (const { name } of ORGANIZATION_ROUTES) fake.refuse.set(name, failure);
  },
  "rep-ringing": (fake) => {
    team(fake, "Riley");
    fake.change({ calls: [] });
    void fake.placeCall({ local_phone_id: "phon_main", lead_id: "lead_globex" });
  },
  "rep-coached": (fake) => {
    rep(fake);
    const call = fake.viewNow.my_call?.call;
    if (!call) return;
    const legs = [fake.coachLeg("Morgan", "whisper"), fake.coachLeg("Casey", "barge")];
    fake.coached(call.id, [...legs, fake.coachLeg("Taylor", "listen")]);
  },
  listen: coaching("listen"),
  whisper: coaching("whisper"),
  barge: coaching("barge"),
  muted: coaching("barge", true),
  switching: (fake) => {
    coaching("listen")(fake);
    fake.confirms = false;
    void fake.setMode("whisper");
  },
  "trainee-listen": (fake) => {
    team(fake, "Taylor");
    const call = fake.viewNow.calls[0];
    if (call) fake.coach(call);
  },
  invitation: (fake) => {
    team(fake);
    const call = fake.viewNow.calls[0];
    if (call) fake.invited(call, "Riley");
  },
  loading: (fake) => {
    team(fake);
    for (const name of [...READ, "soundDevices"]) {
      fake.refuse.set(name, "never");
    }
  },
  error: refuses(...READ, "soundDevices", route.listPhoneNumbers.name),
  trouble: (fake) => {
    coaching("whisper")(fake);
    fake.change({
      microphone_trouble: "Jabra Evolve2 65 is gone. Built-in microphone is used instead.",
    });
  },
};
