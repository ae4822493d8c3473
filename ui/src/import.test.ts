// Importing leads as a person meets it, with a service in memory.
import { screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { Failure, route } from "./backend";
import type { Import } from "./backend";
import { countsText, missing, resultText, withField } from "./lib/imports";
import { hashOf, routeOf } from "./lib/route";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const file = (text = "Company,Contact,Phone\n", name = "leads.csv") =>
  new File([text], name, { type: "text/csv" });
const isIn = (state: string) =>
  waitFor(() => expect(get(testids.importNow).dataset["state"]).toBe(state), { timeout: 4_000 });

describe("the Import page", () => {
  it("l2: is reached from Leads by those who manage the organization", async () => {
    const { app, user } = await open("admin", "#/leads");
    await user.click(await find(testids.leadsImport));
    await waitFor(() => expect(app.route).toEqual({ page: "import", id: null }));
    expect(await find(testids.importDrop)).toBeTruthy();
    expect(await screen.findByText("No imports yet")).toBeTruthy();
  });

  it("l2: is locked for everyone else", async () => {
    const { asked } = await open("team-user", "#/leads/import");
    expect(await find(testids.pageLocked)).toBeTruthy();
    expect(asked(route.listImports)).toEqual([]);
  });

  it("l2: shows what each row would do before anything is done", async () => {
    const { asked, user, app } = await open("admin", "#/leads/import");
    await user.upload(await find(testids.importInput), file());
    await isIn("ready");
    expect(asked("uploadImportPart")).toEqual([["impo_new1", 0]]);
    expect(app.route).toEqual({ page: "import", id: "impo_new1" });
    expect(get(testids.importPlan).textContent).toContain("4 rows: 2 new leads");
    expect(get(testids.importEncoding).textContent).toContain("UTF-8");
    expect((await screen.findAllByTestId(testids.importLine)).length).toBe(4);
    await user.click(get(testids.importShow("skipped")));
    await waitFor(() => expect(screen.getAllByTestId(testids.importLine)).toHaveLength(1));
    expect(get(testids.importLine).textContent).toContain("a lead you already have");
    expect(asked(route.startImport)).toEqual([]);
  });

  it("l2: looks at the file again when a setting or a column is changed", async () => {
    const { asked, user } = await open("admin", "#/leads/import");
    await user.upload(await find(testids.importInput), file());
    await isIn("ready");
    await user.click(get(testids.importField(3)));
    await user.click(await find(testids.importFieldOption("description")));
    await waitFor(() =>
      expect(asked(route.previewImport).at(-1)).toEqual([
        "impo_new1",
        { columns: ["lead_name", "contact_name", "office_phone", "description"] },
      ]),
    );
    await isIn("ready");
    // What the columns are depends on where they're cut.
    await user.click(get(testids.importDelimiter));
    await user.click(await find(testids.importDelimiterOption("semicolon")));
    await waitFor(() =>
      expect(asked(route.previewImport).at(-1)).toEqual([
        "impo_new1",
        { columns: null, delimiter: "semicolon" },
      ]),
    );
  });

  it("l2: imports, and undoes the import as a whole", async () => {
    const { user } = await open("admin", "#/leads/import");
    await user.upload(await find(testids.importInput), file());
    await isIn("ready");
    await user.click(get(testids.importStart));
    await isIn("done");
    expect(get(testids.importResult).textContent).toContain("The import is done: 2 new leads");
    none(testids.importStart);
    await user.click(get(testids.importUndo));
    await user.click(await find(testids.confirmYes));
    await isIn("undone");
    expect(get(testids.importResult).textContent).toContain("1 lead stayed");
  });

  it("l2: can be cancelled, and shows what was imported before", async () => {
    const { user } = await open("admin", "#/leads/import");
    await user.upload(await find(testids.importInput), file());
    await isIn("ready");
    await user.click(get(testids.importCancel));
    await isIn("cancelled");
    expect(get(testids.importResult).textContent).toContain("Nothing was changed");
    await user.click(get(testids.importBack));
    const past = await find(testids.importPastRow);
    expect(past.textContent).toContain("leads.csv");
    await user.click(past);
    await isIn("cancelled");
  });

  it("l2: uploads a large file in parts, and goes on after a part that was lost", async () => {
    const { fake, asked, user } = await open("admin", "#/leads/import");
    const part = 512 * 1024;
    const message = "Can't reach the service.";
    fake.refuse.set("uploadImportPart", new Failure({ code: "unreachable", message }));
    await user.upload(await find(testids.importInput), file("x".repeat(part + 7)));
    await waitFor(() => expect(asked("uploadImportPart")).toHaveLength(1));
    fake.refuse.clear();
    await isIn("ready");
    expect(asked("uploadImportPart")).toEqual([
      ["impo_new1", 0],
      ["impo_new1", 0],
      ["impo_new1", part],
    ]);
    expect(fake.imports.all[0]?.bytes_uploaded).toBe(part + 7);
  });

  it("l2: says why a file is refused", async () => {
    const { fake, asked, user } = await open("admin", "#/leads/import");
    await user.upload(await find(testids.importInput), file(""));
    expect((await find(testids.importError)).textContent).toContain("This file is empty");
    const large = file();
    Object.defineProperty(large, "size", { value: 2 * 1024 ** 3 });
    await user.upload(get(testids.importInput), large);
    await waitFor(() => expect(get(testids.importError).textContent).toContain("up to 256 MB"));
    expect(asked(route.createImport)).toEqual([]);
    const message = "This is a workbook, not a CSV file.";
    fake.refuse.set("PREVIEW_IMPORT", new Failure({ code: "invalid_request", message }));
    await user.upload(get(testids.importInput), file("PK"));
    await waitFor(() => expect(get(testids.importError).textContent).toContain(message));
  });

  it("l2: saves the template and all leads", async () => {
    const { asked, user } = await open("admin", "#/leads/import");
    await user.click(await find(testids.importTemplate));
    await user.click(get(testids.leadsExport));
    await waitFor(() => expect(asked("saveLeadsCsv")).toHaveLength(1));
    expect(asked("saveImportTemplate")).toHaveLength(1);
  });
});

describe("an import in words", () => {
  const done = { rows: 3, created: 1, updated: 2, skipped: 0 };
  const of = (change: Partial<Import>) =>
    resultText({ done, kept: 0, message: null, ...change } as Import);

  it("l2: counts what was done", () => {
    expect(countsText(done)).toBe("1 new lead · 2 rows added to leads · 0 rows skipped");
    expect(of({ state: "cancelled" })).toContain("after 3 rows");
    expect(of({ state: "failed", message: "Too long." })).toContain("Too long.");
    expect(of({ state: "undone" })).toBe("The import was undone.");
  });

  it("l2: a field that there's one of is in one column", () => {
    expect(withField(["lead_name", "ignored"], 1, "lead_name")).toEqual(["ignored", "lead_name"]);
    expect(withField(["office_phone", "ignored"], 1, "office_phone")).toEqual([
      "office_phone",
      "office_phone",
    ]);
    expect(missing(["ignored", "status"])).toContain("at least one column");
    expect(missing(["office_email"])).toBeNull();
  });

  it("l2: has an address of its own", () => {
    for (const route of [
      { page: "import", id: null },
      { page: "import", id: "impo_1" },
    ] as const) {
      expect(routeOf(hashOf(route))).toEqual(route);
    }
    expect(routeOf("#/leads/lead_1")).toEqual({ page: "lead", id: "lead_1" });
  });
});
