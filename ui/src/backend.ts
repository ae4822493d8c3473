// The one door to the shell: the only importer of `@tauri-apps/api` and of the generated bindings.
// Everything else takes a `Backend`, so that tests and a plain browser can give it another.
import { isTauri } from "@tauri-apps/api/core";
import { commands, events, type AppError, type AppView, type List, type Route } from "./bindings";

export type * from "./bindings";
export { route } from "./bindings";
export type Coaching = NonNullable<AppView["coaching"]>;

type Payload<E> = E extends { listen(told: (event: { payload: infer P }) => void): unknown }
  ? P
  : never;
/** What the shell tells without being asked. */
export type Events = { [K in keyof typeof events]: Payload<(typeof events)[K]> };
export type EventName = keyof Events;

type Commands = Omit<typeof commands, "callService">;
type Answer<F> = F extends (...args: infer A) => Promise<infer R>
  ? (...args: A) => Promise<R extends { status: "ok"; data: infer T } ? T : never>
  : never;

/** Every command of the shell, which answers or throws a [`Failure`], and its events. */
export type Backend = { [K in keyof Commands]: Answer<Commands[K]> } & {
  /** Asks a route of the service, through the shell. */
  call<Id, In, Out>(route: Route<Id, In, Out>, id: Id, input: In): Promise<Out>;
  /** Calls `told` for each event of that name; gives the function that stops it. */
  on<K extends EventName>(name: K, told: (payload: Events[K]) => void): Promise<() => void>;
};

/** Why a command was refused: a stable code, and a sentence for people. */
export class Failure extends Error {
  readonly code: string;
  /** The field of the request that it is about, such as `contacts.0.phones.1.phone`. */
  readonly field: string | null;

  constructor(error: AppError) {
    super(error.message);
    this.code = error.code;
    this.field = error.field ?? null;
  }
}

/** Whether this page runs in the app's window, and not in a plain browser. */
export function insideTheApp(): boolean {
  return isTauri();
}

type Result = { status: "ok"; data: unknown } | { status: "error"; error: AppError };

async function answered(result: Promise<Result>): Promise<unknown> {
  const told = await result;
  if (told.status === "error") throw new Failure(told.error);
  return told.data;
}

/** The real shell. */
export function shell(): Backend {
  const { callService, ...others } = commands;
  const answers = Object.fromEntries(
    Object.entries(others).map(([name, command]) => [
      name,
      (...args: unknown[]) =>
        answered((command as (...args: unknown[]) => Promise<Result>)(...args)),
    ]),
  ) as { [K in keyof Commands]: Answer<Commands[K]> };
  return {
    ...answers,
    call: (route, id, input) =>
      answered(callService(route.name, id as string | null, input)) as Promise<never>,
    on: (name, told) =>
      events[name].listen((event: { payload: unknown }) => told(event.payload as never)),
  };
}

/** A page of a list, and where the next one begins; null at the end. */
export type PageOf<T> = { data: T[]; cursor: string | null };

/** Items that a page has at most. */
const PAGE_ITEMS_MAX = 200;
/** The longest list that is read to its end, in items. */
const LIST_ITEMS_MAX = 20_000;
/** Stands before a number of items, where a list has no cursors of its own. */
const SKIP = "skip:";

/** A list a page at a time: from its beginning, or from where a page before ended. */
export function pagesOf<In, T>(
  backend: Backend,
  route: Route<null, In, List<T>>,
  query: In,
): (cursor: string | null) => Promise<PageOf<T>> {
  return async (cursor) => {
    const skip = cursor?.startsWith(SKIP) ? Number(cursor.slice(SKIP.length)) : 0;
    const from = skip ? { _skip: skip } : cursor ? { _cursor: cursor } : {};
    const page = await backend.call(route, null, { ...query, ...from });
    const next = page.cursor ?? `${SKIP}${skip + page.data.length}`;
    return { data: page.data, cursor: page.has_more ? next : null };
  };
}

/** The whole of a list that is short enough to be shown or chosen from as a whole. */
export async function listOf<In, T>(
  backend: Backend,
  route: Route<null, In, List<T>>,
  query: In,
): Promise<T[]> {
  const page = pagesOf(backend, route, { _limit: PAGE_ITEMS_MAX, ...query });
  const all: T[] = [];
  let cursor: string | null = null;
  do {
    const next: PageOf<T> = await page(cursor);
    all.push(...next.data);
    ({ cursor } = next);
    if (cursor !== null && (next.data.length === 0 || all.length > LIST_ITEMS_MAX)) {
      throw new Failure({ code: "protocol", message: "This list is too long to load." });
    }
  } while (cursor !== null);
  return all;
}
