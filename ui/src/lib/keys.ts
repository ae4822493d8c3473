// Keys: which ones the window has, and how a global shortcut is written.

/** The keys that work while the window has the focus, as Settings lists them. */
export const WINDOW_KEYS: readonly { keys: string; does: string }[] = [
  { keys: "L", does: "Switch to Listen, while coaching" },
  { keys: "W", does: "Switch to Whisper, while coaching" },
  { keys: "B", does: "Switch to Barge, while coaching" },
  { keys: "V (hold)", does: "Whisper while held, then back to Listen" },
  { keys: "M", does: "Mute or unmute the microphone" },
  { keys: "0–9 * #", does: "Press a key of the phone, while the keypad is open" },
  { keys: "/", does: "Go to the search field" },
  { keys: "Alt 1 · 2 · 3", does: "Leads, Team, Settings" },
  { keys: "Esc", does: "Close what is open" },
];

type Key = Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "altKey" | "shiftKey" | "metaKey">;

export type KeyAction =
  | { does: "mode"; mode: "listen" | "whisper" | "barge" }
  | { does: "hold" }
  | { does: "mute" }
  | { does: "search" }
  | { does: "page"; page: "leads" | "team" | "settings" };

/** What a key does in the window; null when it does nothing of ours. */
export function actionOf(event: Key): KeyAction | null {
  if (event.ctrlKey || event.metaKey) return null;
  if (event.altKey) {
    if (event.code === "Digit1") return { does: "page", page: "leads" };
    if (event.code === "Digit2") return { does: "page", page: "team" };
    if (event.code === "Digit3") return { does: "page", page: "settings" };
    return null;
  }
  switch (event.key.toLowerCase()) {
    case "l":
      return { does: "mode", mode: "listen" };
    case "w":
      return { does: "mode", mode: "whisper" };
    case "b":
      return { does: "mode", mode: "barge" };
    case "v":
      return { does: "hold" };
    case "m":
      return { does: "mute" };
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
