// The page that is shown, as the part of the address after `#`.

import { ORGANIZATION_PAGES, type OrganizationPage } from "./pages";

export type Route =
  | { page: "leads" }
  | { page: "lead"; id: string }
  | { page: "dial" }
  | { page: "team" }
  | { page: "settings" }
  | { page: OrganizationPage };

export function routeOf(hash: string): Route {
  const [page, id] = hash.replace(/^#?\/?/, "").split("/");
  if (page === "leads" && id) return { page: "lead", id: decodeURIComponent(id) };
  if (page === "dial" || page === "team" || page === "settings") return { page };
  const organization = ORGANIZATION_PAGES.find((one) => one === page);
  return organization ? { page: organization } : { page: "leads" };
}

export function hashOf(route: Route): string {
  return route.page === "lead" ? `#/leads/${encodeURIComponent(route.id)}` : `#/${route.page}`;
}
