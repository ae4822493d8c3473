// What a role lets people do.
import type { Permission, Role } from "../backend";

type Holding = Pick<Role, "permissions"> | undefined;

/** What the first role holds and the second doesn't. Whisper & Barge includes Listen (A1). */
export function permissionsLost(from: Holding, to: Holding): Permission[] {
  const kept = held(to);
  return [...held(from)].filter((permission) => !kept.has(permission));
}

function held(role: Holding): Set<Permission> {
  const all = new Set(role?.permissions);
  if (all.has("call_coach_barge")) all.add("call_coach_listen");
  return all;
}
