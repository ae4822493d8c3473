// The organization in memory: who there is and what it has.
import type {
  Balance,
  Group,
  Lead,
  LedgerEntry,
  Me,
  PhoneNumber,
  PlanInfo,
  Role,
  SoundDevices,
  User,
} from "../backend";

export type RoleName = "User" | "Trainee" | "Manager" | "Admin";

const PERMISSIONS: Record<RoleName, Role["permissions"]> = {
  User: [],
  Trainee: ["call_coach_listen"],
  Manager: ["call_coach_listen", "call_coach_barge"],
  Admin: ["call_coach_listen", "call_coach_barge", "manage_organization", "delete_recordings"],
};

export const builtInRoles = (): Role[] =>
  Object.entries(PERMISSIONS).map(([name, permissions]) => ({
    id: `role_${name}`,
    name,
    permissions: [...permissions],
    built_in: true,
  }));

export const PEOPLE: [string, string, RoleName, string][] = [
  ["Riley", "Reed", "User", "Sales"],
  ["Morgan", "Moss", "Manager", "Coaches"],
  ["Casey", "Cole", "Manager", "Coaches"],
  ["Jordan", "Jay", "Manager", "Coaches"],
  ["Taylor", "Tate", "Trainee", "Sales"],
  ["Sam", "Shaw", "User", "Sales"],
  ["Alex", "Ash", "Admin", ""],
];

export const userId = (first: string): string => `user_${first.toLowerCase()}`;
export const emailOf = (first: string): string =>
  `${first === "Alex" ? "admin" : first.toLowerCase()}@demo.example`;

export const users: User[] = PEOPLE.map(([first_name, last_name]) => ({
  id: userId(first_name),
  first_name,
  last_name,
  email: emailOf(first_name),
}));

export const organization = (): Me["organization"] => ({
  id: "orga_acme",
  name: "Acme Sales",
  plan: "enterprise",
  coach_rate_micro_dollars_per_minute: 4_000,
  call_rate_micro_dollars_per_minute: 10_000,
  recording: { enabled: true, announced: false, retention_days: 90 },
});

export const groups = (): Group[] =>
  ["Coaches", "Sales"].map((name) => ({
    id: `group_${name}`,
    name,
    members: PEOPLE.filter(([, , , group]) => group === name).map(([first]) => userId(first)),
  }));

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

export const numbers = (): PhoneNumber[] => [
  {
    id: "phon_main",
    number: "+15550001",
    label: "Main line",
    type: "internal",
    user_id: userId("Riley"),
    user_ids: [],
  },
  {
    id: "phon_ext",
    number: "+15550002",
    label: "Caller id only",
    type: "external",
    user_id: null,
    user_ids: [],
  },
  {
    id: "phon_virtual",
    number: "+15550003",
    label: "Forwards",
    type: "virtual",
    user_id: null,
    user_ids: [userId("Riley"), userId("Sam")],
  },
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

export const PLANS: PlanInfo[] = (
  [
    ["startup", "Startup", true, [true, false, false, false]],
    ["professional", "Professional", true, [true, true, false, false]],
    ["business_legacy", "Business (legacy)", false, [true, true, true, false]],
    ["enterprise", "Enterprise", true, [true, true, true, true]],
  ] as const
).map(([plan, name, on_sale, held]) => ({
  plan,
  name,
  on_sale,
  has_call_coaching: held[2],
  features: [
    { name: "Calling", description: "Call leads from the app." },
    { name: "Recording", description: "Keep calls and play them again." },
    { name: "Call Coaching", description: "Listen, Whisper and Barge on calls in progress." },
    { name: "Custom roles", description: "Roles of the organization's own." },
  ].map((feature, at) => ({ ...feature, included: held[at] ?? false })),
}));

export const LOW_BALANCE = 1_000_000;
export const balanceOf = (balance_micro_dollars: number, low: number): Balance => ({
  balance_micro_dollars,
  low_balance_micro_dollars: low,
  is_low: balance_micro_dollars < low,
});

const DAY_MS = 86_400_000;

/** Money put in, and a few coached calls: the newest first. */
export function ledger(now: number): LedgerEntry[] {
  const entries: LedgerEntry[] = [
    {
      id: "ledg_0",
      date: new Date(now - 20 * DAY_MS).toISOString(),
      kind: "top_up",
      micro_dollars: 5_000_000,
      call_id: null,
      leg_id: null,
      user_id: userId("Alex"),
      minute: null,
    },
  ];
  const calls = [
    [9, "Morgan", 5],
    [4, "Casey", 12],
    [1, "Morgan", 7],
  ] as const;
  for (const [days, coach, minutes] of calls) {
    for (let minute = 0; minute < minutes; minute += 1) {
      const date = new Date(now - days * DAY_MS + minute * 60_000).toISOString();
      const line = { date, call_id: `acti_day${days}`, minute };
      entries.push(
        {
          ...line,
          id: `ledg_${days}_${minute}_call`,
          kind: "call",
          micro_dollars: -10_000,
          leg_id: "leg_rep",
          user_id: userId("Riley"),
        },
        {
          ...line,
          id: `ledg_${days}_${minute}_coach`,
          kind: "coaching",
          micro_dollars: -4_000,
          leg_id: `leg_${coach}`,
          user_id: userId(coach),
        },
      );
    }
  }
  return entries.sort((a, b) => b.date.localeCompare(a.date) || b.id.localeCompare(a.id));
}
