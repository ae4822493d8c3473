// The page that is shown, as the part of the address after `#`.

import { ORGANIZATION_PAGES, type OrganizationPage } from "./pages";

export type Route =
  | { page: "leads" }
  | { page: "lead"; id: string }
  | { page: "import"; id: string | null }
  | { page: "dial" }
  | { page: "team" }
  | { page: "settings" }
  | { page: "profile" }
  | { page: OrganizationPage };

export function routeOf(hash: string): Route {
  const [page, id, part] = hash.replace(/^#?\/?/, "").split("/");
  if (page === "leads" && id === "import") {
    return { page: "import", id: part ? decodeURIComponent(part) : null };
  }
  if (page === "leads" && id) return { page: "lead", id: decodeURIComponent(id) };
  if (page === "dial" || page === "team" || page === "settings" || page === "profile") {
    return { page };
  }
  const organization = ORGANIZATION_PAGES.find((one) => one === page);
  return organization ? { page: organization } : { page: "leads" };
}

export function hashOf(route: Route): string {
  if (route.page === "lead") return `#/leads/${encodeURIComponent(route.id)}`;
  if (route.page === "import") {
    return `#/leads/import${route.id ? `/${encodeURIComponent(route.id)}` : ""}`;
  }
  return `#/${route.page}`;
}
