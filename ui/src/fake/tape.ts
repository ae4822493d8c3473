// What the real service was recorded to answer (`tape.json`, by a test of its own), replayed. A write
// leads to the state that was recorded after it. Nothing here knows a rule of the service.
import { Failure, type AppError, type Route } from "../backend";
import text from "./tape.json?raw";

type Answer = { ok: unknown } | { error: AppError };
type Ask = { in: string; route: string; id: string | null; input: unknown };
type Read = Ask & { as: Record<string, Answer> };
type Write = Ask & { answer: Answer; then: string };
type Recorded = { now: string; after: Record<string, string>; reads: Read[]; writes: Write[] };
type Edit = (answer: never, input: never) => unknown;

const recorded = JSON.parse(text) as Recorded;
const HOUR_MS = 3_600_000;

/** The moment that everything on the tape is dated by. */
export const RECORDED_AT = Date.parse(recorded.now);

/** What tells one question from another: what is asked for, without what says nothing and which page. */
function keyOf(route: string, id: string | null, input: unknown): string {
  return JSON.stringify([route, id, canonical(input ?? {})]);
}

/** The same text for what means the same. Times count in whole hours, since the fake's clock goes on. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) {
    return Math.round((Date.parse(value) - RECORDED_AT) / HOUR_MS);
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .filter(([name, of]) => !name.startsWith("_") && name !== "request_id" && !saysNothing(of))
    .map(([name, of]) => [name, canonical(of)])
    .sort(([a], [b]) => String(a).localeCompare(String(b)));
}

function saysNothing(value: unknown): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

const reads = new Map(
  recorded.reads.map((read) => [`${read.in}\n${keyOf(read.route, read.id, read.input)}`, read.as]),
);
const writes = new Map(
  recorded.writes.map((one) => [`${one.in}\n${keyOf(one.route, one.id, one.input)}`, one]),
);

export class Tape {
  /** After which writes it is. */
  state = "start";
  readonly #edits = new Map<string, Edit[]>();

  /** Changes what a route answers from now on, for a moment that was not recorded. */
  edit<Id, In, Out>(route: Route<Id, In, Out>, edit: (answer: Out, input: In) => Out): void {
    this.#edits.set(route.name, [...(this.#edits.get(route.name) ?? []), edit]);
  }

  /** What that person is answered; throws a [`Failure`] when they are refused. */
  ask(who: string, route: string, id: string | null, input: unknown): unknown {
    const key = keyOf(route, id, input);
    const write = writes.get(`${this.state}\n${key}`);
    const answer = write?.answer ?? this.#read(who, key);
    if (!answer) {
      const message = `This was not recorded: ${key}`;
      throw new Failure({ code: "not_recorded", message });
    }
    if ("error" in answer) throw new Failure(answer.error);
    if (write) this.state = write.then;
    const edits = this.#edits.get(route) ?? [];
    return edits.reduce((now, edit) => edit(now as never, input as never), answer.ok);
  }

  #read(who: string, key: string): Answer | undefined {
    for (let state: string | undefined = this.state; state; state = recorded.after[state]) {
      const told = reads.get(`${state}\n${key}`);
      const answer = told?.[who] ?? told?.["*"];
      if (answer) return answer;
    }
    return undefined;
  }
}
