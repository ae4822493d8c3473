// The page that is shown, as the part of the address after `#`.

/** The pages about the organization, in the order in which the sidebar shows them. */
export const ORGANIZATION_PAGES = [
  "members",
  "groups",
  "roles",
  "numbers",
  "plan",
  "usage",
  "audit",
  "organization",
] as const;
export type OrganizationPage = (typeof ORGANIZATION_PAGES)[number];

/** Those of them that everybody may read. */
export const OPEN_PAGES: readonly OrganizationPage[] = ["roles", "plan"];

export type Route =
  | { page: "leads" }
  | { page: "lead"; id: string }
  | { page: "team" }
  | { page: "settings" }
  | { page: OrganizationPage };

export function routeOf(hash: string): Route {
  const [page, id] = hash.replace(/^#?\/?/, "").split("/");
  if (page === "leads" && id) return { page: "lead", id: decodeURIComponent(id) };
  if (page === "team" || page === "settings") return { page };
  const organization = ORGANIZATION_PAGES.find((one) => one === page);
  return organization ? { page: organization } : { page: "leads" };
}

export function hashOf(route: Route): string {
  return route.page === "lead" ? `#/leads/${encodeURIComponent(route.id)}` : `#/${route.page}`;
}
