// Moments of the product, by name: what the pictures and the accessibility tests look at.
import { Failure, type AuditEntry, type CallRecording, type LeadQuality } from "./backend";
import { userId, type FakeBackend } from "./backend.fake";

type Scene = (fake: FakeBackend) => void;

const minutesAgo = (minutes: number): string =>
  new Date(Date.now() - minutes * 60_000).toISOString();

function team(fake: FakeBackend, as = "Morgan"): void {
  fake.as(as);
  fake.call("Riley", "Globex");
  fake.call("Sam", "Initech", {
    direction: "inbound",
    joinability: {
      joinable: false,
      code: "inbound_call",
      message: "Inbound calls cannot be coached.",
    },
  });
  fake.call("Taylor", "Hooli", {
    status: "ringing",
    date_answered: null,
    joinability: {
      joinable: false,
      code: "call_ended",
      message: "The lead has not answered yet.",
    },
  });
  const old = fake.call("Riley", "Globex");
  fake.change({ calls: fake.viewNow.calls.filter(({ id }) => id !== old.id) });
  const leg = fake.coachLeg("Morgan", "whisper", {
    status: "done",
    date_done: minutesAgo(50),
    end_reason: "left",
    participation_history: [
      { action: "listen", timestamp: minutesAgo(55) },
      { action: "whisper", timestamp: minutesAgo(53) },
      { action: "barge", timestamp: minutesAgo(52) },
    ],
  });
  const ended = { date_created: minutesAgo(56), date_answered: minutesAgo(56), duration: 384 };
  const recording: CallRecording = {
    status: "stored",
    date_started: minutesAgo(56),
    duration_ms: 384_000,
    bytes: 1_560_000,
    gaps: [{ from_ms: 300_000, to_ms: 330_000 }],
  };
  fake.past = [
    { ...old, ...ended, id: "acti_past1", status: "completed", coach_legs: [leg], recording },
    {
      ...old,
      id: "acti_past2",
      user_id: userId("Sam"),
      status: "no-answer",
      date_created: minutesAgo(1500),
      date_answered: null,
      duration: 0,
    },
    {
      ...old,
      id: "acti_past3",
      direction: "inbound",
      status: "completed",
      date_created: minutesAgo(60 * 24 * 9),
      date_answered: minutesAgo(60 * 24 * 9),
      duration: 61,
      recording: { ...recording, status: "deleted", duration_ms: 61_000, gaps: [] },
    },
  ];
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
  fake.rolesNow = [
    ...fake.rolesNow,
    { id: "role_peer", name: "Peer", permissions: ["call_coach_listen"], built_in: false },
  ];
  const line = (id: number, change: Partial<AuditEntry>): AuditEntry => ({
    id: `audi_${id}`,
    date: minutesAgo(id * 7),
    action: "sign_in",
    allowed: true,
    code: null,
    user_id: userId("Alex"),
    device_id: "devi_1",
    address: "127.0.0.1",
    call_id: null,
    target: null,
    detail: null,
    ...change,
  });
  const on = { call_id: "acti_past1" };
  fake.auditNow = [
    line(1, {}),
    line(2, { ...on, action: "coach_moved_to_listen", user_id: userId("Morgan") }),
    line(3, { ...on, action: "coach_mode", user_id: userId("Morgan"), detail: "whisper" }),
    line(4, {
      ...on,
      action: "coach_mode",
      user_id: userId("Taylor"),
      detail: "whisper",
      allowed: false,
      code: "permission_required",
    }),
    line(5, { ...on, action: "coach_join", user_id: userId("Taylor") }),
    line(6, { action: "member_changed", target: userId("Taylor"), detail: "role" }),
    line(7, { ...on, action: "recording_deleted", user_id: null }),
    line(8, {
      action: "role_changed",
      target: "role_peer",
      detail: "Peer: call_coach_listen call_coach_barge",
    }),
    line(9, { action: "phone_number_changed", target: "phon_old", detail: "+15550001999" }),
  ];
}

/** As `admin`, with that much in the balance. */
const admins =
  (microDollars: number): Scene =>
  (fake) => {
    admin(fake);
    const [first] = fake.ledgerNow.slice(-1);
    if (!first) return;
    const spent = fake.balanceNow().balance_micro_dollars - first.micro_dollars;
    fake.ledgerNow = fake.ledgerNow.map((line) =>
      line.id === first.id ? { ...line, micro_dollars: microDollars - spent } : line,
    );
    fake.change({ balance: fake.balanceNow() });
  };

const ORGANIZATION_COMMANDS = [
  "members",
  "memberInvites",
  "roles",
  "groups",
  "phoneNumbers",
  "plans",
  "usage",
  "ledger",
  "audit",
  "balance",
];

function recorded(fake: FakeBackend, status: CallRecording["status"]): void {
  rep(fake);
  const mine = fake.viewNow.my_call;
  if (!mine) return;
  const recording = { status, date_started: minutesAgo(2), duration_ms: 0, bytes: 0, gaps: [] };
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
    fake.groupsNow = [];
    fake.numbersNow = [];
    fake.ledgerNow = [];
    fake.auditNow = [];
  },
  "admin-loading": (fake) => {
    admin(fake);
    for (const name of ORGANIZATION_COMMANDS) fake.refuse.set(name, "never");
  },
  "admin-error": (fake) => {
    admin(fake);
    const failure = new Failure({ code: "unreachable", message: "The service does not answer." });
    for (const name of ORGANIZATION_COMMANDS) fake.refuse.set(name, failure);
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
    for (const name of ["leads", "lead", "callsOfLead", "groups", "soundDevices"]) {
      fake.refuse.set(name, "never");
    }
  },
  error: refuses("leads", "lead", "callsOfLead", "groups", "soundDevices", "phoneNumbers"),
  trouble: (fake) => {
    coaching("whisper")(fake);
    fake.change({
      microphone_trouble: "Jabra Evolve2 65 is gone. Built-in microphone is used instead.",
    });
  },
};
