// Money as a person meets it: the Usage page, its warnings, and the price before joining.
import { screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { Failure, route } from "./backend";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();

describe("usage", () => {
  it("b4: shows balance, rates, spend by coach and by call, and the ledger, exactly", async () => {
    await open("admin", "#/usage");
    // 5 dollars, less 24 minutes of coaching and of calls.
    expect((await find(testids.usageBalance)).textContent).toBe("$4.5920");
    expect(get(testids.usageRates).textContent).toMatch(/Coaching\s*\$0\.0040 per minute/);
    expect(get(testids.usageRates).textContent).toMatch(/Call\s*\$0\.0130 per minute/);
    const coaches = get(testids.usageCoaches).textContent;
    expect(coaches).toMatch(/Morgan Moss\s*12\s*\$0\.0480/);
    expect(coaches).toMatch(/Casey Cole\s*12\s*\$0\.0480/);
    expect(get(testids.usageCalls).textContent).toMatch(/\$0\.0200\s*\(5 min\)/);
    expect(get(testids.usageChart).getAttribute("aria-label")).toContain("$0.4080");
    expect(get(testids.usageDays).querySelectorAll("tbody tr")).toHaveLength(3);
    await waitFor(() => expect(get(testids.usageLedger).textContent).toContain("+$5.0000"));
    expect(get(testids.usageLedger).textContent).toContain("-$0.0040");
    expect(get(testids.usageLedger).textContent).toContain("Coaching, minute 1");
  });

  it("b4: is asked for the period that is chosen, and saved as CSV, which says where", async () => {
    const { fake, user, asked } = await open("admin", "#/usage");
    await user.click(await find(testids.usagePeriod));
    await user.click(await find(testids.usagePeriodOption("week")));
    await waitFor(() => expect(asked(route.usage)).toHaveLength(2));
    const [span] = asked(route.usage).at(-1) ?? [];
    const { from, to } = span as { from: string; to: null };
    expect(to).toBeNull();
    const days = (fake.now() - Date.parse(String(from))) / 86_400_000;
    expect(days).toBeCloseTo(7, 2);
    await waitFor(() =>
      expect(get(testids.usageCoaches).textContent).toMatch(/Morgan Moss\s*7\s*\$0\.0280/),
    );
    await user.click(get(testids.usageCsv));
    expect(asked("saveUsageCsv")).toEqual([[{ from, to: null }]]);
    await waitFor(() =>
      expect(get(testids.savedAs(testids.usageCsv)).textContent).toContain("Downloads/usage.csv"),
    );
  });

  it("b3: a balance that is low or below zero is shown as such, here and on every page", async () => {
    const { fake, user } = await open("admin-negative", "#/usage");
    expect((await find(testids.usageBalance)).dataset["state"]).toBe("negative");
    expect(get(testids.usageBalance).textContent).toBe("-$0.0120");
    await user.click(get(testids.navTeam));
    expect((await find(testids.bannerBalance)).textContent).toContain("-$0.0120");
    fake.at("alex/balance-low");
    await waitFor(() => expect(get(testids.bannerBalance).dataset["state"]).toBe("low"));
    fake.at("alex/balance-enough");
    await waitFor(() => none(testids.bannerBalance));
  });

  it("b3: the balance warns whoever the shell tells it to, and is not asked for", async () => {
    const { fake, asked } = await open();
    await fake.signInDemo("riley@demo.example");
    await find(testids.pageLeads);
    none(testids.bannerBalance);
    await fake.signOut();
    fake.at("alex/balance-empty");
    expect((await find(testids.bannerBalance)).textContent).toContain("$0.0000");
    expect(asked(route.balance)).toEqual([]);
  });

  it("is topped up by an exact amount, once however often it is sent", async () => {
    const { fake, user, asked } = await open("admin", "#/usage");
    await user.click(await find(testids.usageTopUp));
    await user.type(await find(testids.usageAmount), "2.5x");
    expect(get(testids.dialogSave)).toHaveProperty("disabled", true);
    await user.type(get(testids.usageAmount), "{Backspace}");
    fake.refuse.set(route.topUp.name, new Failure({ code: "unreachable", message: "No answer." }));
    await user.click(get(testids.dialogSave));
    expect((await find(testids.dialogError)).textContent).toContain("No answer.");
    fake.refuse.clear();
    await user.click(get(testids.dialogSave));
    await waitFor(() => expect(get(testids.usageBalance).textContent).toBe("$7.0920"));
    const sent = asked(route.topUp).map(([request]) => request as { request_id: string });
    expect(sent).toHaveLength(2);
    expect(sent[0]).toEqual(sent[1]);
    expect(sent[0]).toMatchObject({ micro_dollars: 2_500_000 });
    expect(sent[0]?.request_id).toMatch(/^[\w-]{1,64}$/);
  });

  it("cannot be topped up where that is not allowed", async () => {
    const { fake, user } = await open("admin", "#/settings");
    fake.edit(route.usage, (usage) => ({ ...usage, top_up_allowed: false }));
    await user.click(await find(testids.nav("usage")));
    await find(testids.usageBalance);
    none(testids.usageTopUp);
    expect(get(testids.page("usage")).textContent).toContain("Whoever runs the service adds");
  });

  it("o5: shows credit and corrections with what whoever runs the service wrote", async () => {
    await open("admin-operated", "#/usage");
    const ledger = await find(testids.usageLedger);
    await waitFor(() => expect(ledger.textContent).toContain("Credit: Invoice 7"));
    expect(ledger.textContent).toContain("Correction: Refund of invoice 6");
  });

  it("b3: warns below the amount that is set", async () => {
    const { user, asked } = await open("admin", "#/usage");
    await user.click(await find(testids.usageThreshold));
    await user.clear(await find(testids.usageAmount));
    await user.type(get(testids.usageAmount), "10");
    await user.click(get(testids.dialogSave));
    expect(asked(route.changeOrganization)).toEqual([
      ["orga_acme", { low_balance_micro_dollars: 10_000_000 }],
    ]);
    await waitFor(() => expect(get(testids.usageBalance).dataset["state"]).toBe("low"));
  });
});

describe("before joining", () => {
  it("b1: the Listen button tells the price", async () => {
    await open("team", "#/team");
    const listen = await find(testids.teamListen("Riley"));
    expect(listen.title).toContain("$0.0040 per minute");
    const told = document.getElementById(listen.getAttribute("aria-describedby") ?? "");
    expect(told?.textContent).toContain("$0.0040 per minute");
  });

  it("b3: the Listen button says that the balance does not pay for it", async () => {
    const { fake, user, asked } = await open("team", "#/team");
    fake.at("morgan/team-without-funds");
    const listen = await find(testids.teamListen("Riley"));
    await waitFor(() => expect(listen.getAttribute("aria-disabled")).toBe("true"));
    expect(get(testids.teamReason("Riley")).textContent).toContain("balance is too low");
    await user.click(listen);
    expect(asked("join")).toEqual([]);
  });

  it("b3: a join that is refused for money says so", async () => {
    const { fake, user } = await open("team", "#/team");
    const message = "The balance cannot pay for the first minute.";
    fake.refuse.set("join", new Failure({ code: "insufficient_balance", message }));
    await user.click(await find(testids.teamListen("Riley")));
    expect((await find(testids.toast)).textContent).toContain(message);
  });
});
