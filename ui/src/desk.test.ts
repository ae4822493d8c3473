// What a person sees when a link is opened, the key ring or a disk fails, or they leave during a call.
import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { Failure, route, type AppView } from "./backend";
import { FakeBackend } from "./backend.fake";
import { open } from "./test/open";
import { testids } from "./testids";

type LinkToOpen = NonNullable<AppView["link"]>;

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const toasts = () => screen.queryAllByTestId(testids.toast).map((toast) => toast.textContent);

function opens(fake: FakeBackend, link: LinkToOpen["link"], number = 1): void {
  fake.here({ link: { number, link } });
}

/** A call in progress that the user can see. */
function anyCall(fake: FakeBackend) {
  const call = fake.viewNow.calls[0];
  if (!call) throw new Error("there is no call");
  return call;
}

describe("a link", () => {
  it("to a call opens its lead's page, once", async () => {
    const { fake, app, asked } = await open("team", "#/team");
    const call = anyCall(fake);
    opens(fake, { kind: "call", call_id: call.id });
    await find(testids.pageLead);
    expect(app.route).toEqual({ page: "lead", id: call.lead.id });
    expect(asked("linkFollowed")).toEqual([[1]]);
    expect(toasts()).toEqual([]);
  });

  it("that was there before the page is followed all the same", async () => {
    const { fake, app, asked } = await open("team", "#/team");
    const call = anyCall(fake);
    app.stop();
    fake.viewNow = {
      ...fake.viewNow,
      link: { number: 7, link: { kind: "call", call_id: call.id } },
    };
    await app.start();
    await find(testids.pageLead);
    expect(asked("linkFollowed")).toEqual([[7]]);
  });

  it("to a call waits until somebody is signed in and says so", async () => {
    const { fake, asked } = await open("sign-in");
    const later = new FakeBackend();
    later.at("morgan/team");
    opens(fake, { kind: "call", call_id: anyCall(later).id });
    await waitFor(() => expect(toasts().join()).toContain("Sign in to open the call"));
    expect(asked("linkFollowed")).toEqual([]);
    fake.at("morgan/team");
    await find(testids.pageLead);
    expect(asked("linkFollowed")).toEqual([[1]]);
  });

  it("to a call that has ended asks the service for its lead", async () => {
    const { fake, app } = await open("team", "#/team");
    const ended = { ...anyCall(fake), id: "acti_ended" };
    const ask = fake.call;
    fake.call = (async (asked, id, input) =>
      asked.name === route.getCall.name ? ended : ask(asked, id, input)) as FakeBackend["call"];
    await app.openCall(ended.id);
    expect(app.route).toEqual({ page: "lead", id: ended.lead.id });
    expect(await find(testids.pageLead)).toBeTruthy();
  });

  it("to a call that may not be seen says so", async () => {
    const { fake } = await open("team", "#/team");
    const failure = new Failure({ code: "not_found", message: "No such call." });
    fake.refuse.set(route.getCall.name, failure);
    opens(fake, { kind: "call", call_id: "acti_other" });
    await waitFor(() => expect(toasts().join()).toContain("has ended, or you don't have access"));
  });

  it("that is none says so", async () => {
    const { fake, asked } = await open("team");
    opens(fake, { kind: "unknown" });
    await waitFor(() => expect(toasts().join()).toContain("That link doesn't work"));
    expect(asked("linkFollowed")).toEqual([[1]]);
  });

  it("of an invitation is looked up at once", async () => {
    const { fake, asked } = await open("sign-in");
    const link = "callcoaching://invite/abcdefghijklmnop";
    opens(fake, { kind: "invite", link });
    expect(await find(testids.joinLink)).toHaveProperty("value", link);
    expect(asked("lookUpInvite")).toEqual([[link]]);
  });

  it("of an invitation tells somebody who is signed in what to do", async () => {
    const { fake, asked } = await open("team");
    opens(fake, { kind: "invite", link: "callcoaching://invite/abcdefghijklmnop" });
    await waitFor(() => expect(toasts().join()).toContain("already signed in"));
    expect(asked("lookUpInvite")).toEqual([]);
  });
});

describe("the key ring", () => {
  it("is said to be locked, and asked again by a button", async () => {
    const { user, asked } = await open("sign-in-locked");
    const said = await find(testids.signInKeyRing);
    expect(said.dataset["trouble"]).toBe("locked");
    expect(said.textContent).toContain("Your key ring is locked");
    expect(get(testids.signInDemo("riley@demo.example"))).toHaveProperty("disabled", false);
    await user.click(get(testids.signInKeyRingRetry));
    expect(asked("resumeSignIn")).toEqual([[]]);
  });

  it.each([
    ["missing", "no key ring was found"],
    ["locked", "your key ring is locked"],
    ["silent", "isn't answering"],
    ["failed", "couldn't save your sign-in."],
  ] as const)("that is %s is why the sign-in isn't saved", async (keeping, words) => {
    const { fake } = await open("not-kept");
    fake.here({ key_ring: { reading: null, keeping } });
    await waitFor(() => expect(get(testids.notKept).textContent).toContain(words));
  });
});

describe("a notice", () => {
  it("stays until it is read, and comes back when it is true again", async () => {
    const { fake, user } = await open("sign-in-notices");
    const notice = await find(testids.notice);
    expect(notice.textContent).toContain("the disk is full");
    await user.click(within(notice).getByRole("button"));
    await waitFor(() => none(testids.notice));
    const notices = fake.viewNow.notices;
    fake.here({ notices: [] });
    fake.here({ notices });
    await find(testids.notice);
  });
});

describe("leaving during a call", () => {
  it("asks, and says who would go on hearing", async () => {
    const { user, asked } = await open("rep-leaving", "#/team");
    const question = await find(testids.leaving);
    expect(question.textContent).toContain("Globex");
    expect(question.textContent).toContain("your microphone is on");
    await user.click(get(testids.leavingHide));
    expect(asked("answerLeaving")).toEqual([["hide"]]);
    await waitFor(() => none(testids.leaving));
  });

  it("is given up with Escape", async () => {
    const { user, asked } = await open("rep-leaving", "#/team");
    await find(testids.leaving);
    await user.keyboard("{Escape}");
    expect(asked("answerLeaving")).toEqual([["stay"]]);
  });

  it("offers nothing to hide behind where there is no tray", async () => {
    const { user, asked } = await open("coach-leaving", "#/team");
    expect((await find(testids.leavingHangUp)).textContent).toBe("Leave the call and quit");
    none(testids.leavingHide);
    await user.click(get(testids.leavingHangUp));
    expect(asked("answerLeaving")).toEqual([["hang_up"]]);
  });

  it("by signing out asks first too", async () => {
    const { user, asked } = await open("rep", "#/team");
    await user.click(await find(testids.signOut));
    expect((await find(testids.confirm)).textContent).toContain("Globex");
    await user.click(get(testids.confirmNo));
    expect(asked("signOut")).toEqual([]);
    await user.click(get(testids.signOut));
    await user.click(await find(testids.confirmYes));
    expect(asked("signOut")).toEqual([[]]);
    await find(testids.signIn);
  });

  it("by signing out asks nothing without a call", async () => {
    const { user, asked } = await open("team", "#/team");
    await user.click(await find(testids.signOut));
    expect(asked("signOut")).toEqual([[]]);
  });
});
