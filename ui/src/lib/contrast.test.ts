// WCAG AA of the tokens, computed from the style sheet itself: 4.5 for text, 3 for lines and marks.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync("src/style/tokens.css", "utf8");

function token(name: string, theme: "light" | "dark"): string {
  const both = new RegExp(`--${name}:\\s*light-dark\\((#\\w{6}),\\s*(#\\w{6})\\)`).exec(css);
  const one = new RegExp(`--${name}:\\s*(#\\w{6})`).exec(css);
  const value = both ? (theme === "light" ? both[1] : both[2]) : one?.[1];
  if (!value) throw new Error(`no token --${name}`);
  return value;
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const TEXT: [string, string[]][] = [
  ["ink", ["canvas", "surface", "raised", "sunken", "side", "hover"]],
  ["ink-soft", ["canvas", "surface", "raised", "sunken", "side", "hover"]],
  ["ink-faint", ["surface", "sunken"]],
  ["accent-ink", ["canvas", "surface", "accent-soft"]],
  ["good", ["surface", "good-soft"]],
  ["warn", ["surface", "raised", "warn-soft"]],
  ["bad", ["surface", "raised", "bad-soft"]],
  ["listen", ["listen-soft"]],
  ["whisper", ["whisper-soft"]],
  ["barge", ["barge-soft"]],
  ["on-fill", ["accent", "good-fill", "bad-fill", "listen-fill", "whisper-fill", "barge-fill"]],
  ["on-bar-soft", ["listen-fill", "whisper-fill", "barge-fill"]],
];
const MARKS: [string, string[]][] = [
  ["line-strong", ["surface", "canvas"]],
  ["focus", ["surface", "canvas", "side"]],
];

describe.each(["light", "dark"] as const)("%s", (theme) => {
  const pairs = (list: [string, string[]][]) =>
    list.flatMap(([ink, grounds]) => grounds.map((ground) => [ink, ground] as const));

  it.each(pairs(TEXT))("text %s on %s can be read", (ink, ground) => {
    expect(contrast(token(ink, theme), token(ground, theme))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(pairs(MARKS))("mark %s on %s can be seen", (ink, ground) => {
    expect(contrast(token(ink, theme), token(ground, theme))).toBeGreaterThanOrEqual(3);
  });
});
