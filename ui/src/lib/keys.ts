// Keys: which ones the window has, and how a global shortcut is written.
import type { AppSettings } from "../backend";

/** What it takes besides a letter to make somebody audible to a lead. A single key never does. */
export type AudibleKeys = AppSettings["audible_keys"];

/** How long such a key is held, where holding it does it. */
export const AUDIBLE_HOLD_MS = 800;

/** The keys of such a letter, as they are read; null when none does it. */
export function audibleKeysOf(letter: string, keys: AudibleKeys): string | null {
  return { alt: `Alt ${letter}`, hold: `Hold ${letter}`, off: null }[keys];
}

/** The same for a screen reader, as `aria-keyshortcuts` writes it. */
export function audibleShortcutOf(letter: string, keys: AudibleKeys): string | undefined {
  return { alt: `Alt+${letter}`, hold: letter, off: undefined }[keys];
}

/** Whether such a key does it at once, once it was held, or not at all. */
export function audibly(alt: boolean, keys: AudibleKeys): "now" | "held" | "never" {
  if (keys === "alt") return alt ? "now" : "never";
  return keys === "hold" && !alt ? "held" : "never";
}

/** What whoever pressed the letter alone is told. */
export function audibleHint(letter: "B" | "M", keys: AudibleKeys): string {
  const does = letter === "B" ? "barge" : "unmute";
  const still = letter === "M" ? "You're still muted. " : "";
  if (keys === "alt") return `${still}Press Alt ${letter} to ${does}.`;
  if (keys === "hold") return `${still}Hold ${letter} to ${does}.`;
  return `${still}No key lets the lead hear you. Use the button, or change this in Settings.`;
}

/** The keys that work while the window has the focus, as Settings lists them. */
export function windowKeys(keys: AudibleKeys): readonly { keys: string; does: string }[] {
  const barge = audibleKeysOf("B", keys);
  const unmute = audibleKeysOf("M", keys);
  return [
    { keys: "L", does: "Switch to Listen, while coaching" },
    { keys: "W", does: "Switch to Whisper, while coaching" },
    ...(barge ? [{ keys: barge, does: "Switch to Barge, while coaching" }] : []),
    { keys: "V (hold)", does: "Whisper while held, then back to Listen" },
    { keys: "M", does: "Mute the microphone; while whispering, also unmute it" },
    ...(unmute ? [{ keys: unmute, does: "Unmute the microphone" }] : []),
    { keys: "O", does: "Choose the outcome, after a call" },
    { keys: "0–9 * #", does: "Press a phone key, while the keypad is open" },
    { keys: "/", does: "Go to the search field" },
    { keys: "Alt 1 · 2 · 3 · 4", does: "Leads, Team, Settings, Dial pad" },
    { keys: "Esc", does: "Close a dialog or menu" },
  ];
}

type Key = Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "altKey" | "shiftKey" | "metaKey">;

export type KeyAction =
  | { does: "mode"; mode: "listen" | "whisper" }
  | { does: "barge"; alt: boolean }
  | { does: "hold" }
  | { does: "mute"; alt: boolean }
  | { does: "outcome" }
  | { does: "search" }
  | { does: "page"; page: "leads" | "team" | "settings" | "dial" };

/** What a key does in the window; null when it does nothing of ours. */
export function actionOf(event: Key): KeyAction | null {
  if (event.ctrlKey || event.metaKey) return null;
  if (event.altKey) {
    if (event.code === "Digit1") return { does: "page", page: "leads" };
    if (event.code === "Digit2") return { does: "page", page: "team" };
    if (event.code === "Digit3") return { does: "page", page: "settings" };
    if (event.code === "Digit4") return { does: "page", page: "dial" };
    // On a Mac, Alt makes another letter of the key.
    const letter = /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : event.code;
    if (letter === "b" || letter === "KeyB") return { does: "barge", alt: true };
    if (letter === "m" || letter === "KeyM") return { does: "mute", alt: true };
    return null;
  }
  switch (event.key.toLowerCase()) {
    case "l":
      return { does: "mode", mode: "listen" };
    case "w":
      return { does: "mode", mode: "whisper" };
    case "b":
      return { does: "barge", alt: false };
    case "v":
      return { does: "hold" };
    case "m":
      return { does: "mute", alt: false };
    case "o":
      return { does: "outcome" };
    case "/":
      return { does: "search" };
    default:
      return null;
  }
}

/** Whether keys pressed there are text, or belong to a menu that finds its entries by letter. */
export function takesLetters(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  const field = target.closest(
    "input, textarea, select, [contenteditable=true], [role=listbox], [role=menu], [role=combobox], [data-takes-keys]",
  );
  if (!field) return false;
  if (!(field instanceof HTMLInputElement)) return true;
  return !["checkbox", "radio", "button", "range", "submit"].includes(field.type);
}

/** After a click with the pointer a button does not keep the focus: Space, pressed for something else,
 * would press it again. */
export function unfocus(event: MouseEvent & { currentTarget: HTMLElement }): void {
  const focused = document.activeElement;
  if (event.detail > 0 && focused instanceof HTMLElement && event.currentTarget.contains(focused)) {
    focused.blur();
  }
}

const MODIFIERS = ["Control", "Alt", "Shift", "Meta", "AltGraph", "OS", "Super"];

/** The accelerator of what was pressed, such as `Control+Alt+Space`; null while it is not whole: only
 * modifiers, or a key that alone would take that letter from every program. */
export function acceleratorOf(event: Key): string | null {
  if (MODIFIERS.includes(event.key)) return null;
  const name = keyName(event.code);
  if (!name) return null;
  const parts = [
    event.ctrlKey && "Control",
    event.altKey && "Alt",
    event.shiftKey && "Shift",
    event.metaKey && "Super",
  ].filter((part): part is string => part !== false);
  const alone = parts.length === 0 || (parts.length === 1 && parts[0] === "Shift");
  if (alone && !/^F\d+$/.test(name)) return null;
  return [...parts, name].join("+");
}

function keyName(code: string): string | null {
  const letter = /^Key([A-Z])$/.exec(code) ?? /^Digit(\d)$/.exec(code);
  if (letter?.[1]) return letter[1];
  if (/^F([1-9]|1\d|2[0-4])$/.test(code)) return code;
  const named =
    /^(Space|Tab|Enter|Backspace|Delete|Insert|Home|End|PageUp|PageDown|Arrow(Up|Down|Left|Right)|Backquote|Minus|Equal|BracketLeft|BracketRight|Backslash|Semicolon|Quote|Comma|Period|Slash|Numpad\d|NumpadAdd|NumpadSubtract|NumpadMultiply|NumpadDivide|NumpadDecimal|NumpadEnter|ScrollLock|Pause)$/;
  return named.test(code) ? code : null;
}

/** The parts of an accelerator as they stand on the keys. */
export function keysOf(accelerator: string): string[] {
  return accelerator.split("+").map((part) => (part === "Control" ? "Ctrl" : part));
}
