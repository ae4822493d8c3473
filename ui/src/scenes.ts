// Moments of the product, by name: what the pictures and the accessibility tests look at.
import { Failure } from "./backend";
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
  fake.past = [
    { ...old, ...ended, id: "acti_past1", status: "completed", coach_legs: [leg] },
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
