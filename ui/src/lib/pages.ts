// The pages about the organization, in the order in which the sidebar shows them. Each has its entry
// here and a file of its name in `pages`.
import {
  Boxes,
  Building2,
  CreditCard,
  Gauge,
  ListChecks,
  Phone,
  ScrollText,
  ShieldCheck,
  UserCog,
} from "@lucide/svelte";

/** A page's title and icon; `open` where everyone may read it, and not only those who manage. */
type Entry = { title: string; icon: typeof UserCog; open?: boolean };

export const ORGANIZATION = {
  members: { title: "Members", icon: UserCog },
  groups: { title: "Groups", icon: Boxes },
  roles: { title: "Roles & permissions", icon: ShieldCheck, open: true },
  numbers: { title: "Phone numbers", icon: Phone },
  outcomes: { title: "Call outcomes", icon: ListChecks },
  plan: { title: "Plan", icon: CreditCard, open: true },
  usage: { title: "Usage", icon: Gauge },
  audit: { title: "Audit log", icon: ScrollText },
  organization: { title: "Organization", icon: Building2 },
} satisfies Record<string, Entry>;

export type OrganizationPage = keyof typeof ORGANIZATION;

export const ORGANIZATION_PAGES = Object.keys(ORGANIZATION) as OrganizationPage[];

/** Those of them that everyone may read. */
export const OPEN_PAGES: readonly OrganizationPage[] = ORGANIZATION_PAGES.filter(
  (page) => (ORGANIZATION[page] as Entry).open,
);
