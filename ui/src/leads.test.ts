// Leads as a person enters, changes, merges and finds them, on the organization in memory.
import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { Failure, route, type Lead } from "./backend";
import { draftOf, noContact, requestOf, withoutBlanks } from "./lib/leads";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
type Person = Awaited<ReturnType<typeof open>>["user"];

async function choose(user: Person, trigger: string, option: string): Promise<void> {
  await user.click(await find(trigger));
  await user.click(await find(option));
}

async function type(user: Person, field: string, text: string): Promise<void> {
  await user.clear(await find(field));
  await user.type(get(field), text);
}

describe("the list of leads", () => {
  it("l3: is a table that tells how many rows there are and where each stands", async () => {
    await open("team", "#/leads");
    await find(testids.leadRow("Globex"));
    const table = screen.getByRole("table", { name: "Leads" });
    await waitFor(() => expect(table.getAttribute("aria-rowcount")).toBe("5"));
    const rows = [...table.querySelectorAll("tr[aria-rowindex]")];
    expect(rows.map((row) => row.getAttribute("aria-rowindex"))).toEqual(["2", "3", "4", "5"]);
    expect(within(table).getAllByRole("columnheader")).toHaveLength(4);
  });

  it("l1: shows numbers in national format, status and owner", async () => {
    await open("team", "#/leads");
    const row = (await find(testids.leadRow("Initech"))).closest("tr");
    expect(row?.textContent).toMatch(/Ivan Ingram.* and 1 other/s);
    expect(row?.textContent).toMatch(/\(555\) 700-0200.*Qualified.*Riley Reed/s);
  });

  it("l3: is narrowed down by status and owner", async () => {
    const { user, asked } = await open("team", "#/leads");
    await find(testids.leadRow("Globex"));
    await choose(user, testids.leadFilterStatus, testids.leadFilterStatusOption("Qualified"));
    await waitFor(() => none(testids.leadRow("Globex")));
    expect(get(testids.leadRow("Initech"))).toBeTruthy();
    await choose(user, testids.leadFilterOwner, testids.leadFilterOwnerOption("Riley"));
    await waitFor(() =>
      expect(asked(route.listLeads).at(-1)).toEqual([
        { query: "", status_id: "stat_qualified", owner_id: "user_riley", _limit: 50 },
      ]),
    );
    await choose(user, testids.leadFilterStatus, testids.leadFilterStatusOption("any"));
    await choose(user, testids.leadFilterOwner, testids.leadFilterOwnerOption("Morgan"));
    expect(await screen.findByText("No leads match")).toBeTruthy();
  });

  it("is read again when the window is looked at again", async () => {
    const { asked } = await open("team", "#/leads");
    await find(testids.leadRow("Globex"));
    const before = asked(route.listLeads).length;
    window.dispatchEvent(new Event("focus"));
    await waitFor(() => expect(asked(route.listLeads).length).toBeGreaterThan(before));
  });
});

describe("the form of a lead", () => {
  it("l1: says at the field what is not a number, and enters what is", async () => {
    const { user, asked } = await open("admin", "#/leads");
    await user.click(await find(testids.leadNew));
    expect((await find(testids.dialogMissing)).textContent).toContain("Enter a name");
    await type(user, testids.leadName, "Stark Industries");
    await choose(user, testids.leadStatus, testids.leadStatusOption("Qualified"));
    await choose(user, testids.leadOwner, testids.leadOwnerOption("Sam"));
    await type(user, testids.leadDescription, "Met at the fair.");
    await type(user, testids.leadContactName(0), "Pepper Potts");
    await type(user, testids.leadPhone(0, 0), "not a number");
    await choose(user, testids.leadPhoneLabel(0, 0), testids.leadLabelOption("mobile"));
    await type(user, testids.leadEmail(0, 0), "pepper@stark.example");
    // A line that holds nothing is not sent.
    await user.click(get(testids.leadPhoneAdd(0)));
    await user.click(get(testids.leadContactAdd));
    await user.click(get(testids.dialogSave));
    await waitFor(() =>
      expect(get(testids.leadPhone(0, 0)).getAttribute("aria-invalid")).toBe("true"),
    );
    const field = get(testids.leadPhone(0, 0));
    const why = document.getElementById(field.getAttribute("aria-describedby") ?? "");
    expect(why?.textContent).toContain("This isn't a phone number");
    expect(document.activeElement).toBe(field);
    none(testids.dialogError);
    await type(user, testids.leadPhone(0, 0), "212 555 0142 x7");
    await user.click(get(testids.dialogSave));
    const page = await find(testids.pageLead);
    await waitFor(() => expect(page.textContent).toContain("(212) 555-0142 ext. 7"));
    expect(page.textContent).toMatch(/Qualified.*Sam Shaw.*Met at the fair\./s);
    expect(page.textContent).toMatch(/Mobile.*pepper@stark\.example.*Office/s);
    expect(asked(route.createLead)).toHaveLength(2);
  });

  it("l1: changes a lead as a whole, and says that it was read before that", async () => {
    const { user, asked } = await open("admin", "#/leads/lead_globex");
    await user.click(await find(testids.leadEdit));
    expect(((await find(testids.leadPhone(0, 0))) as HTMLInputElement).value).toBe(
      "(555) 700-0100",
    );
    await type(user, testids.leadName, "Globex Corporation");
    await choose(user, testids.leadStatus, testids.leadStatusOption("Qualified"));
    await choose(user, testids.leadOwner, testids.leadOwnerOption("Riley"));
    await user.click(get(testids.leadEmailAdd(0)));
    await type(user, testids.leadEmail(0, 0), "gina@globex.example");
    await user.click(get(testids.dialogSave));
    await waitFor(() => none(testids.leadDialog));
    expect(asked(route.changeLead)).toHaveLength(1);
    expect(asked(route.changeLead)[0]?.[1]).toMatchObject({
      date_updated: expect.stringContaining("T") as string,
    });
    expect(get(testids.pageLead).textContent).toContain("Globex Corporation");
    expect(get(testids.leadFacts).textContent).toContain("Riley Reed");
  });

  it("l1: stays open with what it holds when someone else changed the lead", async () => {
    const { user, fake } = await open("admin", "#/leads/lead_globex");
    await user.click(await find(testids.leadEdit));
    await type(user, testids.leadName, "Globex Corporation");
    const message = "Someone else changed this lead in the meantime.";
    fake.refuse.set(route.changeLead.name, new Failure({ code: "conflict", message }));
    await user.click(get(testids.dialogSave));
    expect((await find(testids.dialogError)).textContent).toContain(message);
    expect((get(testids.leadName) as HTMLInputElement).value).toBe("Globex Corporation");
  });

  it("l1: sends what is typed, without blanks and in its order", () => {
    const lead: Lead = {
      id: "lead_1",
      display_name: "Globex",
      description: "",
      status_id: "stat_1",
      status_label: "Potential",
      owner_id: null,
      date_created: "2026-01-01T00:00:00.000Z",
      date_updated: "2026-01-02T00:00:00.000Z",
      contacts: [],
    };
    const draft = draftOf(lead);
    draft.contacts.push(noContact(), { ...noContact(), name: " Gina " });
    const phone = { phone: " 212 555 0100 ", type: "fax" as const };
    draft.contacts[1]?.phones.push(phone);
    expect(requestOf(withoutBlanks(draft), lead)).toEqual({
      name: "Globex",
      description: "",
      status_id: "stat_1",
      owner_id: null,
      contacts: [
        { id: null, name: "Gina", phones: [{ phone: "212 555 0100", type: "fax" }], emails: [] },
      ],
      date_updated: "2026-01-02T00:00:00.000Z",
    });
  });
});

describe("merging leads", () => {
  it("l1: an admin chooses the lead that stays, and is shown it", async () => {
    const { user, asked } = await open("admin", "#/leads/lead_hooli");
    await user.click(await find(testids.leadMerge));
    await find(testids.mergeOption("Globex"));
    none(testids.mergeOption("Hooli"));
    expect(get(testids.dialogMissing).textContent).toContain("Choose the lead that stays");
    await user.type(get(testids.mergeSearch), "globex");
    await waitFor(() => none(testids.mergeOption("Initech")));
    await user.click(await find(testids.mergeOption("Globex")));
    await user.click(get(testids.dialogSave));
    await waitFor(() => expect(location.hash).toBe("#/leads/lead_globex"));
    expect(asked(route.mergeLeads)).toEqual([
      [{ source: "lead_hooli", destination: "lead_globex" }],
    ]);
    await waitFor(() => expect(get(testids.pageLead).textContent).toContain("Hana Holt"));
  });

  it("l1: is not offered to who doesn't manage the organization", async () => {
    await open("team", "#/leads/lead_hooli");
    await find(testids.leadEdit);
    none(testids.leadMerge);
  });
});

describe("lead statuses", () => {
  it("l1: are added, renamed and deleted by who manages the organization", async () => {
    const { user } = await open("admin", "#/organization");
    await user.click(await find(testids.statusNew));
    await type(user, testids.statusLabel, "Lost");
    await user.click(get(testids.dialogSave));
    await user.click(await find(testids.statusEdit("Lost")));
    await type(user, testids.statusLabel, "Gone");
    await user.click(get(testids.dialogSave));
    await user.click(await find(testids.statusDelete("Gone")));
    await user.click(await find(testids.dialogSave));
    await waitFor(() => none(testids.statusRow("Gone")));
  });

  it("l1: that leads have are replaced by another one", async () => {
    const { user, asked } = await open("admin", "#/organization");
    await user.click(await find(testids.statusDelete("Potential")));
    await user.click(await find(testids.dialogSave));
    expect((await find(testids.dialogError)).textContent).toContain("Leads have this status");
    await choose(user, testids.statusReplacement, testids.statusReplacementOption("Customer"));
    await user.click(get(testids.dialogSave));
    await waitFor(() => none(testids.statusRow("Potential")));
    expect(asked(route.deleteLeadStatus).at(-1)).toEqual([
      "stat_potential",
      { replacement_id: "stat_customer" },
    ]);
  });
});
