// Members, roles, groups, numbers and the plan of the organization in memory.
import {
  Failure,
  type Group,
  type GroupRequest,
  type InviteOffer,
  type Member,
  type MemberInvite,
  type MemberInviteRequest,
  type MembershipPatch,
  type OrganizationPatch,
  type PhoneNumber,
  type PhoneNumberRequest,
  type Role,
  type RoleRequest,
  type User,
} from "../backend";
import { FakeBase, notFound } from "./base";
import { builtInRoles, groups, numbers, organization, PEOPLE, PLANS, users } from "./organization";

const HOUR_MS = 3_600_000;
const LINK = "https://coaching.example.com/join/";

export class FakeDirectory extends FakeBase {
  organizationNow = organization();
  rolesNow: Role[] = builtInRoles();
  groupsNow: Group[] = groups();
  numbersNow: PhoneNumber[] = numbers();
  invitesNow: MemberInvite[] = [];
  membersNow: Omit<Member, "group_ids">[] = users.map((user, at) => ({
    membership_id: `memb_${at + 1}`,
    user,
    role_id: `role_${PEOPLE[at]?.[2] ?? "User"}`,
    active: true,
    recording: "inherit",
  }));

  protected roleOf(userId: string): Role | undefined {
    const member = this.membersNow.find(({ user }) => user.id === userId);
    return this.rolesNow.find(({ id }) => id === member?.role_id);
  }

  /** Who is signed in, as the organization has them now. */
  protected meNow(user: User) {
    const member = this.membersNow.find((member) => member.user.id === user.id);
    const role = this.roleOf(user.id);
    if (!member || !role) throw notFound("member");
    return {
      user,
      membership: {
        id: member.membership_id,
        organization_id: this.organizationNow.id,
        role_id: role.id,
      },
      organization: this.organizationNow,
      role,
    };
  }

  #retold(): void {
    const me = this.viewNow.me;
    if (me)
      this.change({
        directory_version: this.viewNow.directory_version + 1,
        me: this.meNow(me.user),
        users: this.membersNow.map(({ user }) => user),
      });
  }

  phoneNumbers = () => this.reply("phoneNumbers", [], () => this.numbersNow);
  groups = () => this.reply("groups", [], () => this.groupsNow);
  roles = () => this.reply("roles", [], () => this.rolesNow);
  plans = () => this.reply("plans", [], () => PLANS);

  members = () =>
    this.reply("members", [], (): Member[] => {
      this.need("manage_organization");
      return this.membersNow.map((member) => ({
        ...member,
        group_ids: this.groupsNow
          .filter(({ members }) => members.includes(member.user.id))
          .map(({ id }) => id),
      }));
    });
  changeMember = (id: string, patch: MembershipPatch) =>
    this.reply("changeMember", [id, patch], () => {
      this.need("manage_organization");
      this.membersNow = this.membersNow.map((member) =>
        member.membership_id === id
          ? {
              ...member,
              role_id: patch.role_id ?? member.role_id,
              active: patch.active ?? member.active,
              recording: patch.recording ?? member.recording,
            }
          : member,
      );
      this.#retold();
      return null;
    });

  memberInvites = () =>
    this.reply("memberInvites", [], () => {
      this.need("manage_organization");
      return this.invitesNow;
    });
  inviteMember = (request: MemberInviteRequest) =>
    this.reply("inviteMember", [request], () => {
      this.need("manage_organization");
      const id = this.newId("minv");
      const invite: MemberInvite = {
        id,
        email: request.email ?? null,
        role_id: request.role_id,
        group_ids: request.group_ids ?? [],
        inviter_id: this.viewNow.me?.user.id ?? "",
        status: "open",
        user_id: null,
        date_created: new Date().toISOString(),
        date_expires: new Date(Date.now() + request.expires_in_hours * HOUR_MS).toISOString(),
      };
      this.invitesNow = [invite, ...this.invitesNow];
      return `${LINK}${id}`;
    });
  revokeMemberInvite = (id: string) =>
    this.reply("revokeMemberInvite", [id], () => {
      this.need("manage_organization");
      this.invitesNow = this.invitesNow.map((invite) =>
        invite.id === id ? { ...invite, status: "revoked" } : invite,
      );
      return null;
    });
  #openInvite(link: string): MemberInvite {
    const invite = this.invitesNow.find(({ id }) => link.trim() === `${LINK}${id}`);
    if (invite?.status !== "open") {
      throw new Failure({
        code: "not_found",
        message: "This invitation does not exist, was used, or is over. Ask for a new one.",
      });
    }
    return invite;
  }
  lookUpInvite = (link: string) =>
    this.reply("lookUpInvite", [link], (): InviteOffer => {
      const invite = this.#openInvite(link);
      const inviter = this.membersNow.find(({ user }) => user.id === invite.inviter_id)?.user;
      return {
        organization_name: this.organizationNow.name,
        inviter_name: inviter ? `${inviter.first_name} ${inviter.last_name}` : "An admin",
        role_name: this.rolesNow.find(({ id }) => id === invite.role_id)?.name ?? "",
        email: invite.email,
        date_expires: invite.date_expires,
      };
    });
  acceptInvite = (link: string, email: string, first: string, last: string, password: string) =>
    this.reply("acceptInvite", [link, email, first, last, password], () => {
      const invite = this.#openInvite(link);
      const user = { id: this.newId("user"), first_name: first, last_name: last, email };
      this.membersNow = [
        ...this.membersNow,
        {
          membership_id: this.newId("memb"),
          user,
          role_id: invite.role_id,
          active: true,
          recording: "inherit",
        },
      ];
      this.groupsNow = this.groupsNow.map((group) =>
        invite.group_ids.includes(group.id)
          ? { ...group, members: [...group.members, user.id] }
          : group,
      );
      this.invitesNow = this.invitesNow.map((one) =>
        one.id === invite.id ? { ...one, status: "used", user_id: user.id } : one,
      );
      this.enter(user);
      return null;
    });
  /** Signs that member in. */
  enter(user: User): void {
    this.change({
      connection: "online",
      signing_in: false,
      users: this.membersNow.map(({ user }) => user),
      me: this.meNow(user),
    });
  }

  createRole = (request: RoleRequest) =>
    this.reply("createRole", [request], () => {
      this.need("manage_organization");
      this.#freeName(request.name, this.rolesNow);
      const role: Role = { ...this.#implied(request), id: this.newId("role"), built_in: false };
      this.rolesNow = [...this.rolesNow, role];
      return role;
    });
  changeRole = (id: string, request: RoleRequest) =>
    this.reply("changeRole", [id, request], () => {
      this.need("manage_organization");
      const role: Role = { ...this.#implied(request), id, built_in: false };
      this.rolesNow = this.rolesNow.map((one) => (one.id === id ? role : one));
      this.#retold();
      return role;
    });
  deleteRole = (id: string) =>
    this.reply("deleteRole", [id], () => {
      this.need("manage_organization");
      if (this.membersNow.some(({ role_id }) => role_id === id)) {
        throw new Failure({
          code: "conflict",
          message: "Members have this role. Give them another one first.",
        });
      }
      this.rolesNow = this.rolesNow.filter((role) => role.id !== id);
      return null;
    });
  #implied({ name, permissions }: RoleRequest): RoleRequest {
    const listen = permissions.includes("call_coach_barge");
    const held = new Set(permissions);
    if (listen) held.add("call_coach_listen");
    return { name, permissions: [...held] };
  }
  #freeName(name: string, taken: { name: string }[]): void {
    if (!taken.some((one) => one.name === name)) return;
    throw new Failure({ code: "conflict", message: `There is already one named ${name}.` });
  }

  createGroup = (request: GroupRequest) =>
    this.reply("createGroup", [request], () => {
      this.need("manage_organization");
      this.#freeName(request.name, this.groupsNow);
      const group: Group = { ...request, id: this.newId("group") };
      this.groupsNow = [...this.groupsNow, group];
      return group;
    });
  changeGroup = (id: string, request: GroupRequest) =>
    this.reply("changeGroup", [id, request], () => {
      this.need("manage_organization");
      const group: Group = { ...request, id };
      this.groupsNow = this.groupsNow.map((one) => (one.id === id ? group : one));
      return group;
    });
  deleteGroup = (id: string) =>
    this.reply("deleteGroup", [id], () => {
      this.need("manage_organization");
      this.groupsNow = this.groupsNow.filter((group) => group.id !== id);
      return null;
    });

  #number(id: string, request: PhoneNumberRequest): PhoneNumber {
    const { user_id = null, user_ids = [], ...rest } = request;
    return { ...rest, id, user_id, user_ids };
  }
  createPhoneNumber = (request: PhoneNumberRequest) =>
    this.reply("createPhoneNumber", [request], () => {
      this.need("manage_organization");
      const number = this.#number(this.newId("phon"), request);
      this.numbersNow = [...this.numbersNow, number];
      return number;
    });
  changePhoneNumber = (id: string, request: PhoneNumberRequest) =>
    this.reply("changePhoneNumber", [id, request], () => {
      this.need("manage_organization");
      const number = this.#number(id, request);
      this.numbersNow = this.numbersNow.map((one) => (one.id === id ? number : one));
      return number;
    });
  deletePhoneNumber = (id: string) =>
    this.reply("deletePhoneNumber", [id], () => {
      this.need("manage_organization");
      this.numbersNow = this.numbersNow.filter((number) => number.id !== id);
      return null;
    });

  changeOrganization = (patch: OrganizationPatch) =>
    this.reply("changeOrganization", [patch], () => {
      this.need("manage_organization");
      const now = this.organizationNow;
      this.organizationNow = {
        ...now,
        name: patch.name ?? now.name,
        plan: patch.plan ?? now.plan,
        recording: patch.recording ?? now.recording,
      };
      if (patch.low_balance_micro_dollars != null) this.warnBelow(patch.low_balance_micro_dollars);
      this.#retold();
      return null;
    });
  /** The ledger of this organization is elsewhere. */
  protected warnBelow(microDollars: number): void {
    void microDollars;
  }
}
