// The organization in memory as a plain browser shows it: `?state=…` chooses what is going on.
import { type Backend } from "./backend";
import { FakeBackend } from "./backend.fake";
import { scenes } from "./scenes";

export function demo(): Backend {
  const wanted = new URLSearchParams(location.search);
  const fake = new FakeBackend({ live: !wanted.has("still") });
  const scene = scenes[wanted.get("state") ?? "team"];
  scene?.(fake);
  const theme = wanted.get("theme");
  if (theme === "light" || theme === "dark") fake.settingsNow.theme = theme;
  return fake;
}
