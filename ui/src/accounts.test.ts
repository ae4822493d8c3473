// One's own account, and the way back after a lost password (O3).
import { screen, waitFor } from "@testing-library/svelte";
import type { UserEvent } from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { Failure, route } from "./backend";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const all = (id: string) => screen.getAllByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const STRONG = "correct horse battery staple";

/** From the demonstration to the form of another server. */
async function toServer(user: UserEvent): Promise<void> {
  await user.click(await find(testids.signInChoices));
  await user.click(await find(testids.firstServer));
}

describe("the profile", () => {
  it("o3: changes one's own name", async () => {
    const { user, asked } = await open("admin", "#/profile");
    const first = await find(testids.profileFirstName);
    expect(get(testids.profileSaveName)).toHaveProperty("disabled", true);
    await user.clear(first);
    await user.type(first, "Alexa");
    await user.click(get(testids.profileSaveName));
    expect(asked(route.changeProfile)).toEqual([[{ first_name: "Alexa", last_name: "Ash" }]]);
    await waitFor(() => expect(get(testids.me).textContent).toContain("Alexa Ash"));
  });

  it("o3: changes the address with the password, and says when that is wrong", async () => {
    const { user, asked } = await open("admin", "#/profile");
    const email = await find(testids.profileEmail);
    none(testids.profileEmailPassword);
    await user.clear(email);
    await user.type(email, "alexa@demo.example");
    expect(get(testids.profileSaveEmail)).toHaveProperty("disabled", true);
    await user.type(get(testids.profileEmailPassword), "wrong");
    await user.click(get(testids.profileSaveEmail));
    expect((await find(testids.profileError)).textContent).toContain("current password");
    await user.clear(get(testids.profileEmailPassword));
    await user.type(get(testids.profileEmailPassword), "demo-password");
    await user.click(get(testids.profileSaveEmail));
    await waitFor(() =>
      expect(asked("changeEmail").at(-1)).toEqual(["alexa@demo.example", "demo-password"]),
    );
    await waitFor(() => none(testids.profileError));
  });

  it("o3: takes a new password only when it is hard to guess", async () => {
    const { user, asked } = await open("admin", "#/profile");
    await user.type(await find(testids.profileOldPassword), "demo-password");
    await user.type(get(testids.profileNewPassword), "password123");
    await waitFor(() =>
      expect(get(testids.passwordStrength).textContent).toContain("too easy to guess"),
    );
    expect(get(testids.profileSavePassword)).toHaveProperty("disabled", true);
    await user.clear(get(testids.profileNewPassword));
    await user.type(get(testids.profileNewPassword), STRONG);
    await waitFor(() => expect(get(testids.passwordStrength).textContent).toContain("Strong"));
    await user.click(get(testids.profileSavePassword));
    expect(asked("changePassword")).toEqual([["demo-password", STRONG]]);
    await waitFor(() => expect(get(testids.profileOldPassword)).toHaveProperty("value", ""));
  });

  it("o3: shows where one is signed in, and signs out one of them", async () => {
    const { user, asked } = await open("admin", "#/profile");
    await find(testids.profileEndPlace);
    expect(all(testids.profilePlace)).toHaveLength(2);
    const [own] = all(testids.profilePlace).filter((one) => one.dataset["current"] === "true");
    expect(own?.textContent).toContain("This device");
    await user.click(get(testids.profileEndPlace));
    expect(asked(route.endSignIn)).toEqual([["devi_browser"]]);
    await waitFor(() => expect(all(testids.profilePlace)).toHaveLength(1));
    expect(get(testids.profileSignOutOthers)).toHaveProperty("disabled", true);
  });

  it("o3: signs out everywhere, this device last", async () => {
    const { user, fake } = await open("admin", "#/profile");
    await user.click(await find(testids.profileSignOutAll));
    await user.click(await find(testids.confirmYes));
    await find(testids.signIn);
    const done = fake.asked.map(([name]) => name);
    const others = done.lastIndexOf("SIGN_OUT_EVERYWHERE");
    expect(others).toBeGreaterThan(-1);
    expect(done.lastIndexOf("signOut")).toBeGreaterThan(others);
  });
});

describe("a lost password", () => {
  it("o3: is reset by a link that an admin creates once", async () => {
    const { user, fake, asked } = await open("admin", "#/members");
    await user.click(await find(testids.memberReset("Riley")));
    await find(testids.resetLinkDialog);
    expect(asked("createPasswordReset")).toEqual([]);
    await user.click(get(testids.dialogSave));
    const link = ((await find(testids.resetLinkText)) as HTMLInputElement).value;
    expect(link).toContain("/reset/#");
    await user.click(get(testids.resetLinkCopy));
    await user.click(get(testids.dialogCancel));
    await fake.signOut();

    await toServer(user);
    await user.click(get(testids.resetOpen));
    await user.type(await find(testids.resetLink), link);
    await user.click(get(testids.resetLookUp));
    expect((await find(testids.resetOffer)).textContent).toContain("riley@demo.example");
    await user.type(get(testids.resetPassword), STRONG);
    await waitFor(() => expect(get(testids.resetSave)).toHaveProperty("disabled", false));
    await user.click(get(testids.resetSave));
    const email = await find(testids.signInEmail);
    expect(email).toHaveProperty("value", "riley@demo.example");
    expect(asked("signIn")).toEqual([]);
  });

  it("o3: cannot be reset for oneself, or for who can't sign in", async () => {
    const { user } = await open("admin", "#/members");
    await find(testids.memberReset("Riley"));
    none(testids.memberReset("Alex"));
    await user.click(get(testids.memberActive("Riley")));
    await user.click(await find(testids.confirmYes));
    await waitFor(() => none(testids.memberReset("Riley")));
  });

  it("o3: follows a link that was opened, and says when it is no longer valid", async () => {
    const { fake } = await open();
    const message = "This reset link is no longer valid. Ask for a new one.";
    const refused = new Failure({ code: "invite_expired", message });
    fake.refuse.set("lookUpPasswordReset", refused);
    const link = "callcoaching://reset/abcdefghijklmnop";
    fake.here({ link: { number: 1, link: { kind: "reset", link } } });
    expect((await find(testids.resetError)).textContent).toContain("no longer valid");
    expect(get(testids.resetLink)).toHaveProperty("value", link);
  });

  it("o3: asks an admin where no mail is sent, and sends a link where it is", async () => {
    const { fake, user, asked } = await open();
    await toServer(user);
    await user.click(get(testids.resetOpen));
    await find(testids.resetLink);
    expect(screen.getByText(/Ask an admin/)).toBeTruthy();
    none(testids.resetEmail);
    await user.click(get(testids.resetBack));
    fake.mails = true;
    await user.click(await find(testids.resetOpen));
    await user.type(await find(testids.resetEmail), "riley@demo.example");
    await user.click(get(testids.resetSend));
    expect(asked("forgotPassword")).toEqual([["riley@demo.example"]]);
    // Whether somebody has the address isn't said.
    await waitFor(() => expect(get(testids.resetSent).textContent).toContain("If riley@"));
  });
});

describe("a sign-in that is lost during a call", () => {
  it("o3: is told, and the call goes on", async () => {
    const { fake } = await open("rep");
    await find(testids.callBar);
    fake.here({ connection: "offline", sign_in_lost: true });
    await waitFor(() =>
      expect(get(testids.bannerConnection).textContent).toContain("This call goes on"),
    );
    get(testids.callBar);
    none(testids.signIn);
  });
});

describe("two-step sign-in", () => {
  const refused = (code: string) => new Failure({ code, message: "Enter the code." });

  async function first(code: string) {
    const opened = await open();
    const { fake, user } = opened;
    fake.refuse.set("signIn", refused(code));
    await toServer(user);
    await user.type(await find(testids.signInUrl), "https://coaching.example.com");
    await user.type(get(testids.signInEmail), "riley@demo.example");
    await user.type(get(testids.signInPassword), "demo-password");
    await user.click(get(testids.signInSubmit));
    return opened;
  }

  it("o4: asks for a code after the password, and says when it is wrong", async () => {
    const { user, asked } = await first("second_factor_required");
    await user.type(await find(testids.secondFactorCode), "000000");
    await user.click(get(testids.secondStepSubmit));
    expect((await find(testids.secondStepError)).textContent).toContain("isn't right");
    await user.clear(get(testids.secondFactorCode));
    await user.type(get(testids.secondFactorCode), "123456");
    await user.click(get(testids.secondStepSubmit));
    expect((await find(testids.me)).textContent).toContain("Riley Reed");
    expect(asked("signInCode")).toEqual([["000000"], ["123456"]]);
  });

  it("o4: is set up while signing in where it is required, and shows recovery codes once", async () => {
    const { user } = await first("second_factor_setup_required");
    none(testids.secondFactorCode);
    await user.click(await find(testids.secondStepSubmit));
    expect((await find(testids.secondFactorKey)).textContent).toBe("JBSWY3DPEHPK3PXP");
    expect(screen.getByRole("img", { name: /QR code/ })).toBeTruthy();
    await user.type(get(testids.secondFactorCode), "123456");
    await user.click(get(testids.secondStepSubmit));
    const codes = await find(testids.recoveryCodes);
    expect(codes.querySelectorAll("li")).toHaveLength(10);
    await user.click(get(testids.recoveryCodesCopy));
    await waitFor(async () =>
      expect((await navigator.clipboard.readText()).split("\n")).toHaveLength(10),
    );
    await user.click(get(testids.dialogCancel));
    await waitFor(() => none(testids.recoveryCodes));
    await find(testids.me);
  });

  it("o4: is set up on the Profile page with the password", async () => {
    const { fake, user, asked } = await open("admin", "#/profile");
    let enabled = false;
    fake.edit(route.secondFactor, (status) => ({ ...status, enabled, recovery_codes_left: 10 }));
    await user.click(await find(testids.secondFactorSetUp));
    await user.type(await find(testids.secondFactorPassword), "demo-password");
    await user.click(get(testids.dialogSave));
    await user.type(await find(testids.secondFactorCode), "123456");
    enabled = true;
    await user.click(get(testids.dialogSave));
    await find(testids.recoveryCodes);
    await user.click(get(testids.recoveryCodesCopy));
    await user.click(get(testids.dialogCancel));
    await waitFor(() => expect(get(testids.secondFactorStatus).dataset["enabled"]).toBe("true"));
    expect(asked("setUpSecondFactor")).toEqual([["demo-password"]]);
    await user.click(get(testids.secondFactorRemove));
    await user.type(await find(testids.secondFactorPassword), "wrong");
    await user.click(get(testids.dialogSave));
    expect((await find(testids.dialogError)).textContent).toContain("current password");
  });

  it("o4: is required for the organization with a switch", async () => {
    const { user, asked } = await open("admin", "#/organization");
    await user.click(await find(testids.organizationSecondFactor));
    await user.click(get(testids.organizationSave));
    await waitFor(() =>
      expect(asked(route.changeOrganization)[0]?.[1]).toMatchObject({
        second_factor_required: true,
      }),
    );
  });
});
