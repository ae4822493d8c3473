import { describe, expect, it } from "vitest";
import type { AuditEntry, Group, PhoneNumber, Role, User } from "../backend";
import { detailOf, doneIn, named, targetsOf, type Directory } from "./audit";

const user = (id: string, first_name: string): User => ({
  id,
  first_name,
  last_name: "Reed",
  email: `${id}@x.example`,
});
const directory: Directory = {
  users: new Map(
    [user("user_riley", "Riley"), user("user_sam", "Sam")].map((one) => [one.id, one]),
  ),
  roles: [{ id: "role_peer", name: "Peer" } as Role],
  groups: [{ id: "group_north", name: "North" } as Group],
  numbers: [{ id: "phon_1", label: "Main line", number: "+15550001000" } as PhoneNumber],
  calls: [{ id: "acti_1", lead: { id: "lead_1", display_name: "Globex" } }],
};
const line = (change: Partial<AuditEntry>): AuditEntry =>
  ({ action: "member_changed", target: null, detail: null, ...change }) as AuditEntry;
const targets = (target: string) => targetsOf(line({ target }), directory);

describe("a4: whom or what a line of the audit log is about", () => {
  it("is a name, and its id for who needs to look it up", () => {
    expect(targets("user_riley")).toEqual([{ text: "Riley Reed", id: "user_riley" }]);
    expect(targets("role_peer")[0]?.text).toBe("Peer");
    expect(targets("group_north")[0]?.text).toBe("North");
    expect(targets("phon_1")[0]?.text).toBe("Main line +1 555 000 1000");
    expect(named("acti_1", directory).text).toBe("a call with Globex");
  });

  it("is each of those who were invited", () => {
    expect(targets("user_riley user_sam").map(({ text }) => text)).toEqual([
      "Riley Reed",
      "Sam Reed",
    ]);
  });

  it("is said to be gone when it is, and keeps its id", () => {
    expect(targets("role_gone")).toEqual([{ text: "A deleted role", id: "role_gone" }]);
    expect(targets("user_gone")[0]?.text).toBe("A former member");
    expect(targets("lead_gone")[0]?.text).toBe("A lead");
    expect(named("acti_gone", directory).text).toBe("a call");
  });

  it("is as it was written, where it is no id", () => {
    expect(targets("riley@x.example")[0]?.text).toBe("riley@x.example");
  });

  it("leaves out what says nothing to a person", () => {
    expect(targets("leg_123")).toEqual([]);
    expect(targets("minv_123")).toEqual([]);
    expect(targets("devi_123")).toEqual([]);
    expect(targets("orga_123")[0]?.text).toBe("The organization");
    expect(targets("")).toEqual([]);
  });
});

describe("a4: what a line of the audit log says was done", () => {
  const done = (action: AuditEntry["action"], detail: string | null) =>
    doneIn(line({ action, detail }));

  it("is that a coach left, when no one put them out", () => {
    expect(done("coach_removed", "call_ended")).toBe("coach_leave");
    expect(done("coach_removed", "connection_lost")).toBe("coach_leave");
    expect(done("coach_removed", "permission_revoked")).toBe("coach_removed");
    expect(done("coach_leave", null)).toBe("coach_leave");
  });
});

describe("a4: more of a line of the audit log", () => {
  const detail = (action: AuditEntry["action"], text: string) =>
    detailOf(line({ action, detail: text }), directory);

  it("is in the app's own words", () => {
    expect(detail("coach_mode", "whisper")).toBe("Whisper");
    expect(detail("plan_changed", "business_legacy")).toBe("Business (legacy)");
    expect(detail("topped_up", "2500000 micro-dollars")).toBe("$2.5000");
    expect(detail("phone_number_changed", "+15550001999")).toBe("+1 555 000 1999");
    expect(detail("coach_removed", "permission_revoked")).toBe("access removed");
    expect(detail("coach_leave", "call_ended")).toBe("the call ended");
  });

  it("names the permissions of a role, whatever the role is called", () => {
    const told = detail("role_changed", "A: call_coach_x: call_coach_listen call_coach_barge");
    expect(told).toBe("A: call_coach_x: Listen, Whisper & Barge");
    expect(detail("role_changed", "Peer: nothing")).toBe("Peer: nothing");
  });

  it("names what it has ids of, and leaves the rest as it was written", () => {
    expect(detail("member_changed", "role role_peer, activated")).toBe("role Peer, activated");
    expect(detail("member_changed", "role role_gone")).toBe("role a deleted role");
    expect(detail("member_invited", "someone@x.example")).toBe("someone@x.example");
  });
});
