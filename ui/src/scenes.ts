// Moments of the product, by name: what the pictures and the accessibility tests look at.
import { Failure, route, type Call, type CoachLeg, type LeadQuality } from "./backend";
import { SERVER_SETUP_LINK, type FakeBackend } from "./backend.fake";

type Scene = (fake: FakeBackend) => void;

/** As it was recorded. */
const at =
  (moment: string): Scene =>
  (fake) =>
    fake.at(moment);

/** A call over a trunk, of which that was measured. */
function onThePhone(fake: FakeBackend, quality: Omit<LeadQuality, "call_id">): void {
  const call = fake.viewNow.my_call?.call;
  if (call) fake.later("leadQuality", { call_id: call.id, ...quality });
}

/** Somebody who manages the organization, with something on every page about it and that balance. */
const admins =
  (moment: string): Scene =>
  (fake) => {
    fake.at(moment);
    const { balance } = fake.viewNow;
    if (!balance) return;
    fake.edit(route.balance, () => balance);
    fake.edit(route.usage, (usage) => ({ ...usage, balance }));
  };

const NAMES = ["first_name", "last_name", "display_name", "lead_name", "label", "name"];
const LONGEST = 64;

/** The same, with every name as long as the service takes, and without a blank to break it at. */
function lengthened<T>(of: T): T {
  const text = JSON.stringify(of, (key, value: unknown) =>
    NAMES.includes(key) && typeof value === "string"
      ? value.replaceAll(" ", "-").padEnd(LONGEST, "-and-so-on")
      : value,
  );
  return JSON.parse(text) as T;
}

/** The same moment, where everybody and everything has the longest name there is. */
const longNamed =
  (moment: string): Scene =>
  (fake) => {
    fake.at(moment);
    fake.viewNow = lengthened(fake.viewNow);
    fake.edit(route.listMembers, lengthened);
    fake.edit(route.listRoles, lengthened);
    fake.edit(route.listGroups, lengthened);
    fake.edit(route.listPhoneNumbers, lengthened);
    fake.edit(route.listLeads, lengthened);
    fake.edit(route.getLead, lengthened);
    fake.edit(route.listCalls, lengthened);
    fake.edit(route.usage, lengthened);
  };

/** A call that so many coach. Whoever came last barges, and the one before whispers. */
const crowded =
  (coaches: number): Scene =>
  (fake) => {
    fake.at("riley/rep-coached");
    const view = fake.viewNow;
    const leg = view.my_call?.call.coach_legs[0];
    const someone = view.users[0];
    if (!view.my_call || !leg || !someone) return;
    const modes = ["barge", "whisper"] as const;
    const coach_legs = Array.from({ length: coaches }, (_, at): CoachLeg => {
      const mode = modes[coaches - 1 - at] ?? "listen";
      return { ...leg, id: `leg_${at}`, user_id: `user_${at}`, status: "connected", mode };
    });
    const users = coach_legs.map(({ user_id }, at) => {
      const [first_name, last_name] = [`Coach${at + 1}`, "Of-Twenty-With-A-Longer-Name"];
      return { ...someone, id: user_id, first_name, last_name };
    });
    const call: Call = { ...view.my_call.call, coach_legs };
    fake.viewNow = {
      ...view,
      users: [...view.users, ...users],
      my_call: { ...view.my_call, call },
      calls: view.calls.map((one) => (one.id === call.id ? call : one)),
    };
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

const refuses =
  (...names: string[]): Scene =>
  (fake) => {
    fake.at("morgan/team");
    const failure = new Failure({ code: "unreachable", message: "The service does not answer." });
    for (const name of names) fake.refuse.set(name, failure);
  };

export const scenes: Record<string, Scene> = {
  "sign-in": () => undefined,
  "sign-in-first": (fake) => fake.shell("first"),
  "sign-in-starting": (fake) => fake.shell("demo-starting"),
  "sign-in-failed": (fake) => fake.shell("demo-failed"),
  "sign-in-server": (fake) => fake.shell("elsewhere"),
  "sign-in-team": (fake) => {
    fake.shell("team");
    fake.teamLink = null;
  },
  "sign-in-team-new": (fake) => fake.shell("team"),
  "sign-in-team-starting": (fake) => fake.shell("team-starting"),
  "sign-in-team-failed": (fake) => fake.shell("team-failed"),
  "sign-in-set-up": (fake) => {
    fake.shell("first");
    fake.here({ link: { number: 1, link: { kind: "setup", link: SERVER_SETUP_LINK } } });
  },
  "sign-in-set-up-expired": (fake) => {
    scenes["sign-in-set-up"]?.(fake);
    const message =
      "This set-up link is no longer valid. Whoever runs the service can make a new one with " +
      "`service setup-link`.";
    fake.refuse.set("lookUpSetup", new Failure({ code: "invite_expired", message }));
  },
  "sign-in-resuming": at("sign-in-resuming"),
  "sign-in-locked": (fake) => fake.here({ key_ring: { reading: "locked", keeping: null } }),
  "sign-in-notices": (fake) =>
    fake.here({
      notices: [
        "Couldn't save your settings: the disk is full. They apply until you close the app.",
      ],
    }),
  "rep-leaving": (fake) => {
    fake.at("riley/rep");
    fake.here({ leaving: { how: "close", can_hide: true } });
  },
  "coach-leaving": (fake) => {
    fake.at("morgan/listen");
    fake.here({ leaving: { how: "quit", can_hide: false } });
  },
  team: at("morgan/team"),
  "team-trainee": at("taylor/team"),
  "team-user": at("sam/team"),
  "team-locked": at("morgan/team-locked"),
  "not-kept": at("morgan/team-not-kept"),
  resuming: at("morgan/whisper-resuming"),
  lost: at("morgan/whisper-lost"),
  "rep-lost": at("morgan/whisper-rep-lost"),
  "my-call-resuming": at("riley/rep-coached-resuming"),
  "my-call-lost": at("riley/rep-coached-lost"),
  offline: at("morgan/team-offline"),
  home: at("riley/home"),
  rep: at("riley/rep"),
  "rep-recorded": at("riley/rep-recorded"),
  "rep-phone": (fake) => {
    fake.at("riley/rep-recorded");
    onThePhone(fake, { jitter_ms: 12, lost_permille: 4, round_trip_ms: 84 });
  },
  "rep-phone-poor": (fake) => {
    fake.at("riley/rep-recorded-coached");
    onThePhone(fake, { jitter_ms: 74, lost_permille: 61, round_trip_ms: null });
    const call = fake.viewNow.my_call?.call;
    if (!call) return;
    for (const key of "5315#*09") fake.later("leadKey", { call_id: call.id, key });
  },
  "rep-paused": at("riley/rep-paused"),
  incoming: at("riley/incoming"),
  admin: at("alex/team"),
  "admin-low": admins("alex/balance-low"),
  "admin-negative": admins("alex/balance-negative"),
  "admin-empty": (fake) => {
    admins("alex/balance-empty")(fake);
    const empty = <P extends { data: unknown[] }>(page: P): P => ({ ...page, data: [] });
    fake.edit(route.listGroups, empty);
    fake.edit(route.listPhoneNumbers, empty);
    fake.edit(route.listLedger, empty);
    fake.edit(route.listAudit, empty);
    fake.edit(route.usage, (usage) => ({
      ...usage,
      by_day: [],
      by_month: [],
      by_coach: [],
      by_call: [],
    }));
  },
  /** A team whose plan, numbers and credit are whoever runs the service's business (O5). */
  "admin-operated": (fake) => {
    fake.at("alex/team");
    const { me } = fake.viewNow;
    const organization = me && { ...me.organization, plan_change_allowed: false };
    fake.viewNow = { ...fake.viewNow, me: me && organization && { ...me, organization } };
    fake.edit(route.usage, (usage) => ({ ...usage, top_up_allowed: false }));
    fake.edit(route.listLedger, (page) => {
      const [first, ...others] = page.data;
      if (!first) return page;
      const of = { ...first, user_id: null, call_id: null, leg_id: null, minute: null };
      const credit = {
        ...of,
        id: "ledg_credit",
        kind: "credit" as const,
        micro_dollars: 25_000_000,
        note: "Invoice 7",
      };
      const correction = {
        ...of,
        id: "ledg_correction",
        kind: "correction" as const,
        micro_dollars: -3_500_000,
        note: "Refund of invoice 6",
      };
      return { ...page, data: [correction, credit, first, ...others] };
    });
    fake.edit(route.listAudit, (page) => {
      const [first] = page.data;
      if (!first) return page;
      const of = { ...first, user_id: null, call_id: null, target: null, allowed: true };
      const lines = [
        { ...of, id: "audi_resumed", action: "organization_suspended" as const, detail: "resumed" },
        { ...of, id: "audi_set_up", action: "organization_set_up" as const, detail: null },
      ];
      return { ...page, data: [...lines, ...page.data] };
    });
  },
  "admin-loading": (fake) => {
    fake.at("alex/team");
    for (const { name } of ORGANIZATION_ROUTES) fake.refuse.set(name, "never");
  },
  "admin-error": (fake) => {
    fake.at("alex/team");
    const failure = new Failure({ code: "unreachable", message: "The service does not answer." });
    for (const { name } of ORGANIZATION_ROUTES) fake.refuse.set(name, failure);
  },
  "rep-ringing": (fake) => {
    fake.at("riley/home");
    void fake.placeCall({ local_phone_id: "phon_main", lead_id: "lead_globex" });
  },
  "rep-coached": at("riley/rep-coached"),
  "rep-crowded": crowded(20),
  "rep-long-names": longNamed("riley/rep-coached"),
  "invitation-long-names": longNamed("morgan/invitation"),
  "admin-long-names": longNamed("alex/team"),
  listen: at("morgan/listen"),
  whisper: at("morgan/whisper"),
  barge: at("morgan/barge"),
  muted: at("morgan/muted"),
  switching: (fake) => {
    fake.at("morgan/listen");
    fake.confirms = false;
    void fake.setMode("whisper");
  },
  "trainee-listen": at("taylor/listen"),
  invitation: at("morgan/invitation"),
  loading: (fake) => {
    fake.at("morgan/team");
    for (const name of [...READ, "soundDevices"]) {
      fake.refuse.set(name, "never");
    }
  },
  error: refuses(...READ, "soundDevices", route.listPhoneNumbers.name),
  trouble: at("morgan/whisper-in-trouble"),
  unheard: at("morgan/whisper-unheard"),
  "rep-unheard": at("riley/rep-unheard"),
};
