// What a recording shows: its waveform, and when each coach was there and in which mode (R3).
import type { CallRecording, CoachLeg, CoachMode, RecordingPeaks } from "../backend";
import { MODE_NAMES, MODES } from "./words";

/** A stretch in which a coach was in one mode. */
export type Band = { user_id: string; mode: CoachMode; from_ms: number; to_ms: number };

const LOUDEST = 255;

/** The stretches of one coach, in order, within the recording. */
export function bandsOf(leg: CoachLeg, recording: CallRecording): Band[] {
  const start = Date.parse(recording.date_started);
  const at = (timestamp: string): number =>
    Math.min(recording.duration_ms, Math.max(0, Date.parse(timestamp) - start));
  const bands: Band[] = [];
  let mode: CoachMode | null = null;
  // The mode that a coach whose sound was lost comes back in.
  let before: CoachMode = "listen";
  let from_ms = 0;
  const change = (next: CoachMode | null, now: number): void => {
    if (next === mode) return;
    if (mode && now > from_ms) bands.push({ user_id: leg.user_id, mode, from_ms, to_ms: now });
    if (mode) before = mode;
    mode = next;
    from_ms = now;
  };
  for (const { action, timestamp } of leg.participation_history) {
    const entered = MODES.find((one) => one === action);
    if (entered) change(entered, at(timestamp));
    else if (action === "moved_to_listen") change("listen", at(timestamp));
    else if (action === "connection_lost" || action === "left") change(null, at(timestamp));
    else if (action === "reconnected" && mode === null) change(before, at(timestamp));
  }
  change(null, leg.date_done ? at(leg.date_done) : recording.duration_ms);
  return bands;
}

/** What a band says: a whisper was heard by the rep alone, so it is not in the recording (R1). */
export function bandText(band: Pick<Band, "mode">, name: string): string {
  const what = `${name}: ${MODE_NAMES[band.mode]}`;
  return band.mode === "whisper" ? `${what}, not in the recording` : what;
}

/** Who was in which mode at that moment. */
export function bandsAt(bands: readonly Band[], position_ms: number): Band[] {
  return bands.filter(({ from_ms, to_ms }) => position_ms >= from_ms && position_ms < to_ms);
}

/** The loudest of each of at most that many columns, 0 to 1. */
export function columnsOf({ peaks }: RecordingPeaks, most: number): number[] {
  const each = Math.max(1, Math.ceil(peaks.length / most));
  const columns: number[] = [];
  for (let at = 0; at < peaks.length; at += each) {
    columns.push(Math.max(...peaks.slice(at, at + each)) / LOUDEST);
  }
  return columns;
}

/** The waveform as one path, around the middle of a drawing of that size. */
export function waveform(peaks: RecordingPeaks, width: number, height: number): string {
  const columns = columnsOf(peaks, width / 2);
  const place = width / Math.max(1, columns.length);
  const middle = height / 2;
  return columns
    .map((loud, at) => {
      const half = Math.max(0.5, loud * (middle - 1));
      const x = ((at + 0.5) * place).toFixed(1);
      return `M${x} ${(middle - half).toFixed(1)}V${(middle + half).toFixed(1)}`;
    })
    .join("");
}

/** That place as a share of the whole, for the drawing. */
export function percentOf(ms: number, duration_ms: number): number {
  return duration_ms > 0 ? Math.min(100, Math.max(0, (ms / duration_ms) * 100)) : 0;
}
