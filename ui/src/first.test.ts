// The first hour as a person meets it: where to work, setting up a team, links.
import { screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { Failure } from "./backend";
import { SERVER_SETUP_LINK, SETUP_LINK } from "./backend.fake";
import { zoneHere } from "./lib/places";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
type Person = Awaited<ReturnType<typeof open>>["user"];

async function fillIn(user: Person): Promise<void> {
  await user.type(await find(testids.setUpCompany), "Ada & Co");
  await user.click(get(testids.setUpCountry));
  await user.click(await find(testids.setUpCountryOption("DE")));
  await user.type(get(testids.setUpFirstName), "Ada");
  await user.type(get(testids.setUpLastName), "Lo");
  await user.type(get(testids.setUpEmail), "ada@co.example");
  await user.type(get(testids.setUpPassword), "a-good-long-password");
}

const FORM = {
  organization_name: "Ada & Co",
  country: "DE",
  time_zone: zoneHere(),
  first_name: "Ada",
  last_name: "Lo",
  email: "ada@co.example",
  password: "a-good-long-password",
};

describe("o1: the first window", () => {
  it("offers a team, demo data or a server, and nothing was chosen before", async () => {
    const { asked } = await open("sign-in-first");
    for (const id of [testids.firstTeam, testids.firstDemo, testids.firstServer]) {
      expect((await find(id)).textContent).toBeTruthy();
    }
    expect(get(testids.joinOpen)).toBeTruthy();
    none(testids.signInChoices);
    none(testids.signInEmail);
    expect(asked("choosePlace")).toEqual([]);
  });

  it("leads to the demo and back, and from there to the team", async () => {
    const { user, asked } = await open("sign-in-first");
    await user.click(await find(testids.firstDemo));
    await find(testids.signInDemo("riley@demo.example"));
    none(testids.first);
    await user.click(get(testids.signInChoices));
    await user.click(await find(testids.firstTeam));
    await find(testids.setUp);
    none(testids.signInDemo("riley@demo.example"));
    expect(asked("choosePlace")).toEqual([[{ kind: "demo" }], [null], [{ kind: "team" }]]);
  });

  it("leads back from a server whose address was not entered yet", async () => {
    const { user, asked } = await open("sign-in-first");
    await user.click(await find(testids.firstServer));
    await find(testids.signInUrl);
    await user.click(get(testids.signInChoices));
    await find(testids.firstTeam);
    expect(asked("choosePlace")).toEqual([]);
  });

  it("says at the choice why it could not be made", async () => {
    const { fake, user } = await open("sign-in-first");
    const message = "Sign out first, then choose where to sign in.";
    fake.refuse.set("choosePlace", new Failure({ code: "not_possible", message }));
    await user.click(await find(testids.firstTeam));
    expect((await find(testids.signInError)).textContent).toContain(message);
  });
});

describe("o1: setting up the team of this computer", () => {
  it("asks for the company and its first admin, who is signed in then", async () => {
    const { user, asked } = await open("sign-in-first");
    await user.click(await find(testids.firstTeam));
    await find(testids.setUp);
    expect(get(testids.setUpTimeZone).dataset["value"]).toBe(zoneHere());
    expect(get(testids.setUpSubmit)).toHaveProperty("disabled", true);
    await fillIn(user);
    await user.click(get(testids.setUpSubmit));
    await find(testids.me);
    expect(asked("lookUpSetup")).toEqual([[SETUP_LINK]]);
    expect(asked("setUp")).toEqual([[SETUP_LINK, FORM]]);
    expect(asked("signIn")).toEqual([["ada@co.example", "a-good-long-password"]]);
  });

  it("says what is missing, and what the service refuses at the form", async () => {
    const { fake, user } = await open("sign-in-team-new");
    const missing = () => document.getElementById("set-up-missing")?.textContent;
    await find(testids.setUp);
    expect(missing()).toContain("company");
    await user.type(get(testids.setUpCompany), "Ada & Co");
    expect(missing()).toContain("first name");
    await user.type(get(testids.setUpFirstName), "Ada");
    expect(missing()).toContain("email");
    await user.type(get(testids.setUpEmail), "ada@co.example");
    expect(missing()).toContain("at least 10 characters");
    await user.type(get(testids.setUpPassword), "a-good-long-password");
    expect(missing()).toBeUndefined();
    const message = "This email address already has an account.";
    fake.refuse.set("setUp", new Failure({ code: "conflict", message }));
    await user.click(get(testids.setUpSubmit));
    expect((await find(testids.setUpError)).textContent).toContain(message);
    expect((get(testids.setUpCompany) as HTMLInputElement).value).toBe("Ada & Co");
  });

  it("is a sign-in once there is a team", async () => {
    const { asked } = await open("sign-in-team");
    await find(testids.signInEmail);
    none(testids.signInUrl);
    none(testids.setUp);
    expect(asked("beginTeam")).toHaveLength(1);
  });

  it("waits for the service, and says when it can't be started", async () => {
    const { fake } = await open("sign-in-team-starting");
    expect((await find(testids.signInStarting)).textContent).toContain("Starting");
    fake.shell("team-failed");
    await waitFor(() =>
      expect(screen.getByRole("alert").textContent).toContain("Another program is using port"),
    );
    expect(get(testids.signInRetry)).toBeTruthy();
    fake.shell("team");
    await find(testids.setUp);
  });

  it("says when the program can't make a link, and tries again", async () => {
    const { fake, user } = await open("sign-in-first");
    const message = "Couldn't set up the team: the disk is full.";
    fake.refuse.set("beginTeam", new Failure({ code: "local_service", message }));
    await user.click(await find(testids.firstTeam));
    expect((await find(testids.signInError)).textContent).toContain(message);
    fake.refuse.clear();
    await user.click(get(testids.signInRetry));
    await find(testids.setUp);
  });

  it("makes a new link when the first one expired, and signs in when another window was first", async () => {
    const { fake, user, asked } = await open("sign-in-team-new");
    await find(testids.setUp);
    await fillIn(user);
    const message = "This set-up link is no longer valid.";
    fake.refuse.set("setUp", new Failure({ code: "invite_expired", message }));
    await user.click(get(testids.setUpSubmit));
    expect((await find(testids.setUpError)).textContent).toContain(message);
    expect(asked("setUp")).toHaveLength(2);
    expect(asked("beginTeam")).toHaveLength(2);
    fake.teamLink = null;
    await user.click(get(testids.setUpSubmit));
    await find(testids.signInEmail);
    expect(get(testids.toast).textContent).toContain("already set up");
  });

  it("keeps the email for a sign-in that failed after it", async () => {
    const { fake, user } = await open("sign-in-team-new");
    await find(testids.setUp);
    await fillIn(user);
    const message = "Can't reach the service.";
    fake.refuse.set("signIn", new Failure({ code: "unreachable", message }));
    await user.click(get(testids.setUpSubmit));
    expect((await find(testids.signInError)).textContent).toContain(message);
    expect((get(testids.signInEmail) as HTMLInputElement).value).toBe("ada@co.example");
    expect(get(testids.toast).textContent).toContain("is set up");
  });
});

describe("o1: a set-up link of a server", () => {
  it("leads to the form of that server, opened or pasted", async () => {
    const { app, user, asked } = await open("sign-in-first");
    await user.click(await find(testids.joinOpen));
    await user.type(await find(testids.joinLink), SERVER_SETUP_LINK);
    await user.click(get(testids.joinLookUp));
    expect((await find(testids.setUp)).textContent).toContain("https://coaching.example.com");
    expect(app.view?.place).toEqual({ kind: "server", url: "https://coaching.example.com" });
    await fillIn(user);
    await user.click(get(testids.setUpSubmit));
    await find(testids.me);
    expect(asked("setUp")).toEqual([[SERVER_SETUP_LINK, FORM]]);
  });

  it("leads back to where one was", async () => {
    const { app, user, asked } = await open("sign-in-set-up");
    await find(testids.setUp);
    await user.click(get(testids.setUpBack));
    await find(testids.first);
    expect(asked("choosePlace")).toEqual([[null]]);
    expect(app.view?.place).toBeNull();
  });

  it("says that it was used or has expired", async () => {
    const { fake, user } = await open("sign-in-set-up-expired");
    expect((await find(testids.setUpError)).textContent).toContain("no longer valid");
    fake.refuse.clear();
    await user.click(get(testids.setUpRetry));
    await find(testids.setUp);
  });

  it("is not followed by somebody who is signed in", async () => {
    const { fake } = await open("admin");
    await find(testids.me);
    fake.here({ link: { number: 1, link: { kind: "setup", link: SERVER_SETUP_LINK } } });
    expect((await find(testids.toast)).textContent).toContain("sign out first");
    none(testids.setUp);
  });
});
