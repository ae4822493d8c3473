// The ledger, the audit log and the recordings of the organization in memory.
import {
  Failure,
  type AuditEntry,
  type AuditQuery,
  type Balance,
  type Call,
  type LedgerEntry,
  type SpendOfCall,
  type SpendOfCoach,
  type SpendOfDay,
  type TopUpRequest,
  type Usage,
} from "../backend";
import { FakeDirectory } from "./directory";
import { notFound } from "./base";
import { balanceOf, ledger, LOW_BALANCE, userId } from "./organization";

const PAGE = 50;

const within = (date: string, from: string | null, to: string | null): boolean =>
  (!from || date >= from) && (!to || date < to);

export class FakeBooks extends FakeDirectory {
  past: Call[] = [];
  ledgerNow: LedgerEntry[] = ledger(Date.now());
  auditNow: AuditEntry[] = [];
  topUpAllowed = true;
  #warnBelow = LOW_BALANCE;
  #playing: ReturnType<typeof setInterval> | undefined;

  protected override warnBelow(microDollars: number): void {
    this.#warnBelow = microDollars;
    this.#balanceChanged();
  }

  balanceNow(): Balance {
    const sum = this.ledgerNow.reduce((sum, { micro_dollars }) => sum + micro_dollars, 0);
    return balanceOf(sum, this.#warnBelow);
  }
  #balanceChanged(): void {
    if (this.viewNow.balance) this.change({ balance: this.balanceNow() });
  }

  balance = () =>
    this.reply("balance", [], () => {
      this.need("manage_organization");
      return this.balanceNow();
    });
  usage = (from: string | null, to: string | null) =>
    this.reply("usage", [from, to], (): Usage => {
      this.need("manage_organization");
      const charges = this.ledgerNow.filter(
        ({ kind, date }) => kind !== "top_up" && within(date, from, to),
      );
      const days = new Map<string, SpendOfDay>();
      const months = new Map<string, SpendOfDay>();
      const coaches = new Map<string, SpendOfCoach>();
      const calls = new Map<string, SpendOfCall>();
      for (const { date, kind, micro_dollars, user_id, call_id } of charges) {
        const spent = -micro_dollars;
        for (const [map, length] of [
          [days, 10],
          [months, 7],
        ] as const) {
          const key = date.slice(0, length);
          const day = map.get(key) ?? {
            date: key,
            coaching_micro_dollars: 0,
            call_micro_dollars: 0,
          };
          map.set(key, day);
          if (kind === "coaching") day.coaching_micro_dollars += spent;
          else day.call_micro_dollars += spent;
        }
        const call: SpendOfCall = calls.get(call_id ?? "") ?? {
          call_id: call_id ?? "",
          lead: { id: "lead_globex", display_name: "Globex" },
          user_id: userId("Riley"),
          date,
          coaching_minutes: 0,
          coaching_micro_dollars: 0,
          call_minutes: 0,
          call_micro_dollars: 0,
        };
        calls.set(call.call_id, call);
        if (kind === "coaching") {
          call.coaching_minutes += 1;
          call.coaching_micro_dollars += spent;
          const id = user_id ?? "";
          const coach = coaches.get(id) ?? { user_id: id, minutes: 0, micro_dollars: 0 };
          coaches.set(id, coach);
          coach.minutes += 1;
          coach.micro_dollars += spent;
        } else {
          call.call_minutes += 1;
          call.call_micro_dollars += spent;
        }
      }
      const byDate = (a: { date: string }, b: { date: string }) => a.date.localeCompare(b.date);
      const now = this.organizationNow;
      const date_from = "2026-01-01T00:00:00.000Z";
      return {
        balance: this.balanceNow(),
        top_up_allowed: this.topUpAllowed,
        rates: [
          {
            kind: "coaching",
            micro_dollars_per_minute: now.coach_rate_micro_dollars_per_minute,
            date_from,
          },
          {
            kind: "call",
            micro_dollars_per_minute: now.call_rate_micro_dollars_per_minute,
            date_from,
          },
        ],
        by_day: [...days.values()].sort(byDate),
        by_month: [...months.values()].sort(byDate),
        by_coach: [...coaches.values()].sort((a, b) => b.micro_dollars - a.micro_dollars),
        by_call: [...calls.values()].sort(byDate).reverse(),
      };
    });
  ledger = (from: string | null, to: string | null, skip: number) =>
    this.reply("ledger", [from, to, skip], () => {
      this.need("manage_organization");
      const all = this.ledgerNow.filter(({ date }) => within(date, from, to));
      return { data: all.slice(skip, skip + PAGE), has_more: all.length > skip + PAGE };
    });
  topUp = (request: TopUpRequest) =>
    this.reply("topUp", [request], () => {
      this.need("manage_organization");
      const id = `ledg_${request.request_id}`;
      if (!this.ledgerNow.some((line) => line.id === id)) {
        const line: LedgerEntry = {
          id,
          date: new Date().toISOString(),
          kind: "top_up",
          micro_dollars: request.micro_dollars,
          call_id: null,
          leg_id: null,
          user_id: this.viewNow.me?.user.id ?? null,
          minute: null,
        };
        this.ledgerNow = [line, ...this.ledgerNow];
        this.#balanceChanged();
      }
      return this.balanceNow();
    });

  audit = (filter: AuditQuery, skip: number) =>
    this.reply("audit", [filter, skip], () => {
      this.need("manage_organization");
      const all = this.auditNow.filter(
        (line) =>
          (!filter.user_id || line.user_id === filter.user_id) &&
          (!filter.call_id || line.call_id === filter.call_id) &&
          (!filter.action || line.action === filter.action) &&
          (filter.allowed === null || line.allowed === filter.allowed) &&
          within(line.date, filter.from, filter.to),
      );
      return { data: all.slice(skip, skip + PAGE), has_more: all.length > skip + PAGE };
    });
  saveUsageCsv = (from: string | null, to: string | null) =>
    this.#saved("saveUsageCsv", [from, to], "usage.csv");
  saveAuditCsv = (filter: AuditQuery) => this.#saved("saveAuditCsv", [filter], "audit.csv");
  saveExport = () => this.#saved("saveExport", [], "acme-sales.json");
  #saved(name: string, args: unknown[], file: string): Promise<string> {
    return this.reply(name, args, () => {
      this.need("manage_organization");
      return `Downloads/${file}`;
    });
  }

  #recorded(callId: string): Call & { recording: NonNullable<Call["recording"]> } {
    const call = this.past.find(({ id }) => id === callId);
    const recording = call?.recording;
    if (!call || recording?.status !== "stored") throw notFound("recording");
    return { ...call, recording };
  }
  recordingPeaks = (callId: string) =>
    this.reply("recordingPeaks", [callId], () => {
      const { duration_ms, gaps } = this.#recorded(callId).recording;
      const interval_ms = 200;
      const peaks = Array.from({ length: Math.ceil(duration_ms / interval_ms) }, (_, at) => {
        const ms = at * interval_ms;
        if (gaps.some(({ from_ms, to_ms }) => ms >= from_ms && ms < to_ms)) return 0;
        const voice = Math.abs(Math.sin(at / 3) * Math.sin(at / 17) * Math.cos(at / 41));
        return Math.round(20 + 220 * voice);
      });
      return { interval_ms, peaks };
    });
  playRecording = (callId: string, fromMs: number) =>
    this.reply("playRecording", [callId, fromMs], () => {
      const { duration_ms } = this.#recorded(callId).recording;
      clearInterval(this.#playing);
      let position_ms = fromMs;
      const told = (playing: boolean) =>
        this.tell("playback", { call_id: callId, position_ms, duration_ms, playing });
      told(true);
      this.playedOn(() => {
        position_ms = Math.min(duration_ms, position_ms + 200);
        told(position_ms < duration_ms);
      });
      this.stopped = () => told(false);
      return null;
    });
  /** In a plain browser, time goes on; in a test it stands still. */
  protected playedOn(step: () => void): void {
    void step;
  }
  protected playing(timer: ReturnType<typeof setInterval>): void {
    this.#playing = timer;
  }
  private stopped: (() => void) | undefined;
  pausePlayback = () =>
    this.reply("pausePlayback", [], () => {
      clearInterval(this.#playing);
      this.stopped?.();
      return null;
    });
  saveRecording = (callId: string) =>
    this.reply("saveRecording", [callId], () => {
      this.#recorded(callId);
      return `Downloads/${callId}.ogg`;
    });
  deleteRecording = (callId: string) =>
    this.reply("deleteRecording", [callId], () => {
      this.need("delete_recordings");
      const { recording } = this.#recorded(callId);
      this.past = this.past.map((call) =>
        call.id === callId
          ? { ...call, recording: { ...recording, status: "deleted" as const } }
          : call,
      );
      return null;
    });
  pauseRecording = (paused: boolean) =>
    this.reply("pauseRecording", [paused], () => {
      const mine = this.viewNow.my_call;
      const recording = mine?.call.recording;
      if (!mine || !recording) {
        throw new Failure({ code: "conflict", message: "This call is not recorded." });
      }
      const status = paused ? ("paused" as const) : ("recording" as const);
      const call = { ...mine.call, recording: { ...recording, status } };
      this.change({
        my_call: { ...mine, call },
        calls: this.viewNow.calls.map((one) => (one.id === call.id ? call : one)),
      });
      return null;
    });
}
