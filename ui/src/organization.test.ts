// The pages about the organization as a person meets them, on the organization in memory.
import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { Failure, route } from "./backend";
import { userId } from "./backend.fake";
import { OPEN_PAGES, ORGANIZATION_PAGES } from "./lib/pages";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const checked = (id: string) => get(id).getAttribute("aria-checked") === "true";
type Person = Awaited<ReturnType<typeof open>>["user"];

async function choose(user: Person, trigger: string, option: string): Promise<void> {
  await user.click(await find(trigger));
  await user.click(await find(option));
}

describe("the pages about the organization", () => {
  it("a1: are in the sidebar of who manages it; others see roles and plan to read", async () => {
    await open("team-user", "#/roles");
    expect((await find(testids.page("roles"))).textContent).toContain("Only admins can");
    none(testids.roleNew);
    for (const page of ORGANIZATION_PAGES) {
      if (OPEN_PAGES.includes(page)) expect(get(testids.nav(page))).toBeTruthy();
      else none(testids.nav(page));
    }
  });

  it.each(ORGANIZATION_PAGES.filter((page) => !OPEN_PAGES.includes(page)))(
    "a1: %s is locked for who does not manage it, with the reason, and asks nothing",
    async (page) => {
      const { asked } = await open("team-user", `#/${page}`);
      expect((await find(testids.pageLocked)).textContent).toContain("Manage the organization");
      for (const locked of [
        route.listMembers,
        route.listMemberInvites,
        route.usage,
        route.listLedger,
        route.listAudit,
        route.balance,
      ]) {
        expect(asked(locked)).toEqual([]);
      }
    },
  );

  it("say what went wrong, and can be tried again", async () => {
    const { fake, user } = await open("admin-error", "#/roles");
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("The service does not answer.");
    fake.refuse.clear();
    await user.click(within(alert).getByRole("button"));
    expect(await find(testids.roleCard("Manager"))).toBeTruthy();
  });

  it("ask again when something of the organization changed, and for nothing else", async () => {
    const { fake, asked } = await open("admin", "#/members");
    await find(testids.memberRow("Riley"));
    const before = asked(route.listMembers).length;
    fake.at("alex/team-casey-calls");
    fake.at("alex/team");
    await find(testids.memberRow("Riley"));
    expect(asked(route.listMembers)).toHaveLength(before);
    await fake.call(route.changeMember, "memb_6", { recording: "off" });
    await waitFor(() => expect(asked(route.listMembers)).toHaveLength(before + 1));
  });
});

describe("a dialog", () => {
  it.each([
    ["#/roles", testids.roleNew, testids.roleDialog],
    ["#/roles", testids.roleDelete("Peer"), testids.confirm],
  ])("of %s: %s is closed by Escape, and gives the focus back", async (hash, trigger, inside) => {
    const { user } = await open("admin", hash);
    (await find(trigger)).focus();
    await user.keyboard("{Enter}");
    const dialog = await find(inside);
    await waitFor(() => expect(dialog.contains(document.activeElement)).toBe(true));
    await user.keyboard("{Escape}");
    await waitFor(() => none(inside));
    await waitFor(() => expect(document.activeElement).toBe(get(trigger)));
  });
});

describe("roles", () => {
  it("a1: Whisper & Barge forces Listen on, and locks it visibly", async () => {
    const { user, asked } = await open("admin", "#/roles");
    await user.click(await find(testids.roleNew));
    await user.type(await find(testids.roleName), "Trainer");
    const listen = testids.rolePermission("call_coach_listen");
    expect([checked(listen), (get(listen) as HTMLButtonElement).disabled]).toEqual([false, false]);
    await user.click(get(testids.rolePermission("call_coach_barge")));
    await waitFor(() => expect(checked(listen)).toBe(true));
    expect(get(listen)).toHaveProperty("disabled", true);
    const note = document.getElementById(get(listen).getAttribute("aria-describedby") ?? "");
    expect(note?.textContent).toContain("Included in Whisper & Barge");
    await user.click(get(testids.dialogSave));
    await waitFor(() => none(testids.roleDialog));
    expect(asked(route.createRole)).toEqual([
      [{ name: "Trainer", permissions: ["call_coach_listen", "call_coach_barge"] }],
    ]);
    expect((await find(testids.roleCard("Trainer"))).textContent).toContain("Whisper & Barge");
  });

  it("a1: built-in ones are read-only, with the reason; the organization's own are changed", async () => {
    const { user, fake, asked } = await open("admin", "#/roles");
    expect((await find(testids.roleCard("Trainee"))).textContent).toContain("Built-in role");
    none(testids.roleEdit("Trainee"));
    none(testids.roleDelete("Trainee"));
    await user.click(get(testids.roleEdit("Peer")));
    await user.click(await find(testids.rolePermission("call_coach_listen")));
    await user.click(get(testids.dialogSave));
    await waitFor(() => expect(asked(route.changeRole)).toHaveLength(1));
    const { data } = await fake.call(route.listRoles, null, {});
    expect(data.find(({ name }) => name === "Peer")?.permissions).toEqual([]);
  });

  it("are deleted when that is confirmed, and a refusal is told in the dialog", async () => {
    const { user, fake } = await open("admin", "#/roles");
    await fake.call(route.changeMember, "memb_6", { role_id: "role_peer" });
    await user.click(await find(testids.roleDelete("Peer")));
    await user.click(await find(testids.confirmYes));
    expect((await find(testids.dialogError)).textContent).toContain("member has this role");
    await user.click(get(testids.confirmNo));
    expect(get(testids.roleCard("Peer"))).toBeTruthy();
    await fake.call(route.changeMember, "memb_6", { role_id: "role_User" });
    await user.click(get(testids.roleDelete("Peer")));
    await user.click(await find(testids.confirmYes));
    await waitFor(() => none(testids.roleCard("Peer")));
  });
});

describe("members", () => {
  it("a2: get another role once that is confirmed, and are told what it changes", async () => {
    const { user, asked, fake } = await open("admin", "#/members");
    await choose(user, testids.memberRole("Morgan"), testids.memberRoleOption("Trainee"));
    const dialog = await find(testids.confirm);
    expect(dialog.textContent).toMatch(/Change .Morgan Moss.'s role to .Trainee.\?/);
    expect(dialog.textContent).toMatch(/They'll lose: Whisper & Barge\./);
    await user.keyboard("{Escape}");
    await waitFor(() => none(testids.confirm));
    expect(asked(route.changeMember)).toEqual([]);
    await choose(user, testids.memberRole("Riley"), testids.memberRoleOption("Trainee"));
    expect((await find(testids.confirm)).textContent).toMatch(/They'll gain: Listen\./);
    expect(asked(route.changeMember)).toEqual([]);
    await user.click(get(testids.confirmYes));
    await waitFor(() =>
      expect(asked(route.changeMember)).toEqual([["memb_1", { role_id: "role_Trainee" }]]),
    );
    const { data } = await fake.call(route.listMembers, null, {});
    expect(data.find(({ membership_id }) => membership_id === "memb_1")?.role_id).toBe(
      "role_Trainee",
    );
    await waitFor(() =>
      expect(get(testids.memberRole("Riley")).dataset["value"]).toBe("role_Trainee"),
    );
  });

  it("a2: are deactivated when that is confirmed, and reactivated", async () => {
    const { user, asked } = await open("admin", "#/members");
    const self = await find(testids.memberActive("Alex"));
    expect(self.getAttribute("aria-disabled")).toBe("true");
    const why = document.getElementById(self.getAttribute("aria-describedby") ?? "");
    expect(why?.textContent).toContain("can't deactivate yourself");
    await user.click(self);
    none(testids.confirm);
    await user.click(get(testids.memberActive("Riley")));
    expect(asked(route.changeMember)).toEqual([]);
    await user.click(await find(testids.confirmYes));
    await waitFor(() =>
      expect(get(testids.memberRow("Riley")).textContent).toContain("Deactivated"),
    );
    await user.click(get(testids.memberActive("Riley")));
    await waitFor(() => expect(get(testids.memberRow("Riley")).dataset["active"]).toBe("true"));
    expect(asked(route.changeMember).map(([, patch]) => patch)).toEqual([
      { active: false },
      { active: true },
    ]);
  });

  it("r1: override whether their calls are recorded", async () => {
    const { user, asked } = await open("admin", "#/members");
    await choose(user, testids.memberRecording("Sam"), testids.memberRecordingOption("off"));
    await waitFor(() =>
      expect(asked(route.changeMember)).toEqual([["memb_6", { recording: "off" }]]),
    );
  });

  it("are invited by a link that is shown once, which makes a member", async () => {
    const { user, fake, asked } = await open("admin", "#/members");
    await user.click(await find(testids.inviteMember));
    await choose(user, testids.inviteMemberRole, testids.inviteMemberRoleOption("Trainee"));
    await user.click(get(testids.inviteMemberGroup("Sales")));
    await choose(user, testids.inviteMemberExpiry, testids.inviteMemberExpiryOption(24));
    await user.click(get(testids.dialogSave));
    const link = (await find(testids.inviteMemberLink)) as HTMLInputElement;
    expect(asked("inviteMember")).toEqual([
      [
        {
          role_id: "role_Trainee",
          group_ids: ["group_Sales"],
          email: null,
          expires_in_hours: 24,
        },
      ],
    ]);
    const address = link.value;
    await user.click(get(testids.inviteMemberCopy));
    await waitFor(async () => expect(await navigator.clipboard.readText()).toBe(address));
    await user.click(get(testids.dialogCancel));
    await waitFor(() => none(testids.inviteMemberLink));
    expect((await find(testids.memberInviteRow)).dataset["status"]).toBe("open");

    await user.click(get(testids.signOut));
    await user.click(await find(testids.joinOpen));
    await user.type(await find(testids.joinLink), address);
    await user.click(get(testids.joinLookUp));
    expect((await find(testids.joinOffer)).textContent).toMatch(
      /Acme Sales.*Alex Ash.*as .Trainee/s,
    );
    await user.type(get(testids.joinFirstName), "Jamie");
    await user.type(get(testids.joinLastName), "Jones");
    await user.type(get(testids.joinEmail), "jamie@demo.example");
    await user.type(get(testids.joinPassword), "five");
    expect(get(testids.joinAccept)).toHaveProperty("disabled", true);
    await user.type(get(testids.joinPassword), "-otters-juggle");
    await user.click(get(testids.joinAccept));
    expect((await find(testids.me)).textContent).toMatch(/Jamie Jones.*Trainee/s);
    const { data } = await fake.call(route.listGroups, null, {});
    expect(data.find(({ name }) => name === "Sales")?.members).toHaveLength(4);
  });

  it("a link that is shown once stays until it was copied, or Done was chosen", async () => {
    const { user } = await open("admin", "#/members");
    await user.click(await find(testids.inviteMember));
    await choose(user, testids.inviteMemberRole, testids.inviteMemberRoleOption("Trainee"));
    await user.click(get(testids.inviteMemberGroup("Sales")));
    await choose(user, testids.inviteMemberExpiry, testids.inviteMemberExpiryOption(24));
    await user.click(get(testids.dialogSave));
    await find(testids.inviteMemberLink);
    await user.keyboard("{Escape}");
    const dialog = get(testids.inviteMemberDialog);
    expect((await within(dialog).findByRole("alert")).textContent).toContain("Copy the link first");
    expect(get(testids.inviteMemberLink)).toBeTruthy();
    await user.click(get(testids.inviteMemberCopy));
    await waitFor(() => expect(within(dialog).queryByRole("alert")).toBeNull());
    await user.keyboard("{Escape}");
    await waitFor(() => none(testids.inviteMemberLink));
  });

  it("are not invited by a link that was taken back", async () => {
    const { user, fake } = await open("admin", "#/settings");
    const link = await fake.inviteMember({ role_id: "role_User", expires_in_hours: 1 });
    await user.click(await find(testids.nav("members")));
    await user.click(await find(testids.memberInviteRevoke));
    await user.click(await find(testids.confirmYes));
    await waitFor(() => expect(get(testids.memberInviteRow).dataset["status"]).toBe("revoked"));
    await user.click(get(testids.signOut));
    await user.click(await find(testids.joinOpen));
    await user.type(await find(testids.joinLink), link);
    await user.click(get(testids.joinLookUp));
    expect((await find(testids.joinError)).textContent).toContain("Ask for a new one");
  });
});

describe("groups", () => {
  it("w1: show who is on a call, with Listen, and are made, renamed and deleted", async () => {
    const { user, fake } = await open("admin", "#/groups");
    const sales = await find(testids.groupCard("Sales"));
    expect(within(sales).getByTestId(testids.teamRow("Riley")).dataset["status"]).toBe("on-call");
    expect(within(sales).getByTestId(testids.teamListen("Riley"))).toBeTruthy();
    await user.click(get(testids.groupNew));
    await user.type(await find(testids.groupName), "New hires");
    await user.click(get(testids.groupMember("Taylor")));
    await user.click(get(testids.dialogSave));
    const card = await find(testids.groupCard("New hires"));
    expect(within(card).getByTestId(testids.teamRow("Taylor"))).toBeTruthy();
    await user.click(get(testids.groupEdit("New hires")));
    await user.clear(await find(testids.groupName));
    await user.type(get(testids.groupName), "Hires");
    await user.click(get(testids.groupMember("Taylor")));
    await user.click(get(testids.dialogSave));
    expect((await find(testids.groupCard("Hires"))).textContent).toContain("No one is in");
    await user.click(get(testids.groupDelete("Hires")));
    await user.click(await find(testids.confirmYes));
    await waitFor(() => none(testids.groupCard("Hires")));
    const { data } = await fake.call(route.listGroups, null, {});
    expect(data.map(({ name }) => name)).toEqual(["Coaches", "Sales"]);
  });
});

describe("phone numbers", () => {
  it("o5: are assigned by whoever runs the service, and the page says so", async () => {
    const { fake, user } = await open("admin-operated", "#/numbers");
    expect((await find(testids.numbersNote)).textContent).toContain("Whoever runs the service");
    await user.click(get(testids.numberNew));
    const message =
      "This number isn't assigned to your organization. Ask whoever runs the service.";
    fake.refuse.set(
      route.createPhoneNumber.name,
      new Failure({ code: "permission_required", message }),
    );
    await user.type(await find(testids.numberNumber), "+15550177");
    await user.type(get(testids.numberLabel), "Somebody else's");
    await user.click(get(testids.dialogSave));
    expect((await find(testids.dialogError)).textContent).toContain("isn't assigned");
  });

  it("j1: tell what each kind means for coaching", async () => {
    await open("admin", "#/numbers");
    const row = (number: string) => find(testids.numberRow(number));
    expect((await row("+15550001")).textContent).toContain("can be coached");
    expect((await row("+15550002")).textContent).toContain("can't be coached");
    expect((await row("+15550003")).textContent).toContain("can't be coached");
    expect((await row("+15550003")).textContent).toMatch(/Riley Reed., .Sam Shaw/);
  });

  it("are made with an owner and with who may use them, and deleted", async () => {
    const { user, asked } = await open("admin", "#/numbers");
    await user.click(await find(testids.numberNew));
    await user.type(await find(testids.numberNumber), "+1 555 0199");
    expect(get(testids.dialogSave)).toHaveProperty("disabled", true);
    expect(get(testids.dialogMissing).textContent).toContain("Enter a label.");
    await user.type(get(testids.numberLabel), "Desk");
    await waitFor(() => none(testids.dialogMissing));
    await choose(user, testids.numberKind, testids.numberKindOption("external"));
    await choose(user, testids.numberOwner, testids.numberOwnerOption("Sam"));
    await user.click(get(testids.numberUser("Riley")));
    await user.click(get(testids.dialogSave));
    await find(testids.numberRow("+15550199"));
    expect(asked(route.createPhoneNumber)).toEqual([
      [
        {
          number: "+15550199",
          label: "Desk",
          type: "external",
          user_id: userId("Sam"),
          user_ids: [userId("Riley")],
        },
      ],
    ]);
    await user.click(get(testids.numberDelete("+15550199")));
    await user.click(await find(testids.confirmYes));
    await waitFor(() => none(testids.numberRow("+15550199")));
  });
});

describe("a form that cannot be sent", () => {
  const missing = () => get(testids.dialogMissing).textContent.trim();

  it("says why: a number", async () => {
    const { user } = await open("admin", "#/numbers");
    await user.click(await find(testids.numberNew));
    expect(await find(testids.dialogMissing)).toBeTruthy();
    expect(missing()).toBe("Enter a number.");
    for (const [typed, why] of [
      ["12", "Start with + and the country code, then only digits."],
      ["+12", "That number is too short."],
      ["+12345678901234567", "That number is too long."],
      ["+15550199", "Enter a label."],
    ] as const) {
      await user.clear(get(testids.numberNumber));
      await user.type(get(testids.numberNumber), typed);
      expect(missing()).toBe(why);
    }
    const save = get(testids.dialogSave);
    expect(save.getAttribute("aria-describedby")).toBe(get(testids.dialogMissing).id);
  });

  it.each([
    ["#/roles", testids.roleNew, "Enter a name."],
    ["#/groups", testids.groupNew, "Enter a name."],
    ["#/usage", testids.usageTopUp, "Enter an amount."],
  ])("says why: %s", async (hash, trigger, why) => {
    const { user } = await open("admin", hash);
    await user.click(await find(trigger));
    await find(testids.dialogMissing);
    expect(missing()).toBe(why);
    expect(get(testids.dialogSave)).toHaveProperty("disabled", true);
  });
});

describe("the plan", () => {
  it("j3: an admin is not told to ask an admin", async () => {
    const { fake, app } = await open("team-locked", "#/team");
    expect((await find(testids.teamLocked)).textContent).toContain("An admin can change the plan");
    const view = fake.viewNow;
    const me = view.me && {
      ...view.me,
      role: { ...view.me.role, permissions: ["manage_organization" as const] },
    };
    fake.viewNow = { ...view, me };
    fake.tell("viewChanged", fake.viewNow);
    await waitFor(() => expect(app.manages).toBe(true));
    expect(get(testids.teamLocked).textContent).not.toContain("An admin can");
    expect(get(testids.teamLocked).textContent).toContain("Change the plan");
  });

  it("j3: tells what is lost before it is changed, and is changed", async () => {
    const { user, asked } = await open("admin", "#/plan");
    expect((await find(testids.planCard("enterprise"))).dataset["current"]).toBe("true");
    none(testids.planChoose("business_legacy")); // No longer available.
    await user.click(get(testids.planChoose("professional")));
    const dialog = await find(testids.confirm);
    expect(dialog.textContent).toContain("Whisper & Barge");
    expect(dialog.textContent).toContain("removed immediately");
    expect(asked(route.changeOrganization)).toEqual([]);
    await user.click(get(testids.confirmYes));
    await waitFor(() =>
      expect(get(testids.planCard("professional")).dataset["current"]).toBe("true"),
    );
    expect(asked(route.changeOrganization)).toEqual([["orga_acme", { plan: "professional" }]]);
  });

  it("o5: is changed by whoever runs the service, where that's so", async () => {
    await open("admin-operated", "#/plan");
    expect((await find(testids.planCard("enterprise"))).dataset["current"]).toBe("true");
    expect(get(testids.planOperator).textContent).toContain("Whoever runs the service");
    none(testids.planChoose("professional"));
    none(testids.planChoose("startup"));
  });

  it("j3: is read by everybody, and changed by nobody else", async () => {
    await open("team-user", "#/plan");
    expect((await find(testids.planCard("enterprise"))).textContent).toContain("Whisper & Barge");
    none(testids.planChoose("startup"));
  });
});

describe("the organization's settings", () => {
  it("o1: hold its country and its time zone", async () => {
    const { fake, user, asked } = await open("admin", "#/organization");
    const country = await find(testids.organizationCountry);
    expect([country.textContent.trim(), country.dataset["value"]]).toEqual(["United States", "US"]);
    expect(get(testids.organizationTimeZone).dataset["value"]).toBe("America/New_York");
    const refused = new Failure({ code: "unreachable", message: "The service does not answer." });
    fake.refuse.set(route.changeOrganization.name, refused);
    await choose(user, testids.organizationCountry, testids.organizationCountryOption("DE"));
    const berlin = testids.organizationTimeZoneOption("Europe/Berlin");
    await choose(user, testids.organizationTimeZone, berlin);
    await user.click(get(testids.organizationSave));
    await find(testids.toast);
    const [[, patch] = []] = asked(route.changeOrganization);
    expect(patch).toMatchObject({ country: "DE", time_zone: "Europe/Berlin" });
    expect(get(testids.organizationCountry).textContent).toContain("Germany");
  });

  it("r1: set recording, its announcement and for how long it is kept", async () => {
    const { user, asked } = await open("admin", "#/organization");
    await user.click(await find(testids.organizationRecording));
    await user.click(get(testids.organizationAnnounced));
    await user.clear(get(testids.organizationRetention));
    await user.type(get(testids.organizationRetention), "x");
    expect(get(testids.organizationSave)).toHaveProperty("disabled", true);
    await user.clear(get(testids.organizationRetention));
    await user.type(get(testids.organizationRetention), "30");
    await user.click(get(testids.organizationSave));
    await waitFor(() =>
      expect(asked(route.changeOrganization)).toEqual([
        [
          "orga_acme",
          {
            name: "Acme Sales",
            recording: { enabled: false, announced: true, retention_days: 30 },
          },
        ],
      ]),
    );
    await waitFor(() => expect(get(testids.page("organization")).textContent).toContain("Saved"));
  });

  it("export all data, and say where it is", async () => {
    const { user } = await open("admin", "#/organization");
    await user.click(await find(testids.organizationExport));
    await waitFor(() =>
      expect(get(testids.savedAs(testids.organizationExport)).textContent).toContain(
        "Downloads/acme-sales.json",
      ),
    );
  });
});

describe("the audit log", () => {
  const rows = () => screen.queryAllByTestId(testids.auditRow);

  it("a4: shows who did what, and why it was refused", async () => {
    await open("admin", "#/audit");
    await waitFor(() => expect(rows()).toHaveLength(9));
    const refused = rows().find((row) => row.dataset["allowed"] === "false");
    expect(refused?.textContent).toMatch(/Taylor Tate.*Switched mode.*Whisper.*Denied/s);
    expect(refused?.textContent).toContain("No permission");
    const ofNobody = rows().find((row) => row.dataset["action"] === "recording_deleted");
    expect(ofNobody?.textContent).toContain("The service");
  });

  it("a4: names whom and what it is about, and keeps the id for who looks for it", async () => {
    await open("admin", "#/audit");
    const row = (action: string) => rows().find((row) => row.dataset["action"] === action);
    await waitFor(() => expect(row("role_changed")?.textContent).toMatch(/Whisper & Barge.*Peer/s));
    expect(row("role_changed")?.querySelector("[title=role_peer]")?.textContent).toBe("Peer");
    expect(row("member_changed")?.textContent).toContain("Taylor Tate");
    expect(row("phone_number_changed")?.textContent).toContain("A deleted number");
    expect(document.body.textContent).not.toMatch(/\b(role|phon|user|group|devi|acti)_\w/);
  });

  it("a4: is filtered by person, action, call, time and what was refused, and saved as it is", async () => {
    const { user, asked } = await open("admin", "#/audit");
    await choose(user, testids.auditPerson, testids.auditPersonOption("Taylor"));
    await choose(user, testids.auditAction, testids.auditActionOption("coach_mode"));
    await choose(user, testids.auditPeriod, testids.auditPeriodOption("day"));
    await user.click(get(testids.auditAllowedOption("refused")));
    await waitFor(() => expect(rows()).toHaveLength(1));
    await user.click(get(testids.auditCall));
    const wanted = {
      user_id: userId("Taylor"),
      call_id: "acti_past1",
      action: "coach_mode",
      allowed: false,
      to: null,
    };
    await waitFor(() => expect(asked(route.listAudit).at(-1)).toMatchObject([wanted]));
    await user.click(get(testids.auditCsv));
    expect(asked("saveAuditCsv")).toMatchObject([[wanted]]);
    await waitFor(() =>
      expect(get(testids.savedAs(testids.auditCsv)).textContent).toContain("audit.csv"),
    );
    await user.click(get(testids.auditCallClear));
    await waitFor(() => expect(asked(route.listAudit).at(-1)).toMatchObject([{ call_id: null }]));
  });

  it("a4: is read anew when that is asked for", async () => {
    const { fake, user } = await open("admin", "#/audit");
    await waitFor(() => expect(rows()).toHaveLength(9));
    fake.edit(route.listAudit, (page) => {
      const [newest] = page.data;
      if (!newest) throw new Error("no line");
      return { ...page, data: [{ ...newest, id: "audi_new" }, ...page.data] };
    });
    await user.click(get(testids.auditAgain));
    await waitFor(() => expect(rows()).toHaveLength(10));
  });

  it("a4: comes a page at a time", async () => {
    const { fake, user, asked } = await open("admin", "#/settings");
    fake.edit(route.listAudit, ({ data: [line] }, { _limit, _cursor }) => {
      if (!line) throw new Error("no line");
      const all = Array.from({ length: 70 }, (_, at) => ({ ...line, id: `audi_${at}` }));
      const [from, limit] = [Number(_cursor ?? 0), _limit ?? 100];
      const has_more = all.length > from + limit;
      const cursor = has_more ? String(from + limit) : null;
      return { data: all.slice(from, from + limit), has_more, cursor };
    });
    await user.click(await find(testids.nav("audit")));
    await waitFor(() => expect(rows()).toHaveLength(50));
    fake.refuse.set(
      route.listAudit.name,
      new Failure({ code: "unreachable", message: "Not just now." }),
    );
    await user.click(get(testids.auditMore));
    expect((await screen.findByRole("alert")).textContent).toContain("Not just now.");
    fake.refuse.clear();
    await user.click(get(testids.auditMore));
    await waitFor(() => expect(rows()).toHaveLength(70));
    none(testids.auditMore);
    expect(asked(route.listAudit).at(-1)).toMatchObject([{ _cursor: "50" }]);
  });
});
