// Opens the whole app on the organization in memory, in a scene or as it begins.
import { render } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { onTestFinished } from "vitest";
import App from "../App.svelte";
import { FakeBackend } from "../backend.fake";
import { scenes } from "../scenes";
import { AppState } from "../state.svelte";

export async function open(scene = "sign-in", hash = "") {
  const fake = new FakeBackend();
  const prepare = scenes[scene];
  if (!prepare) throw new Error(`there is no scene ${scene}`);
  prepare(fake);
  location.hash = hash;
  const app = new AppState(fake);
  onTestFinished(() => app.stop());
  const page = render(App, { app });
  await app.start();
  const user = userEvent.setup({ delay: null });
  /** What a command or a route was given each time that it was asked for. */
  const asked = (wanted: string | { name: string }): unknown[][] => {
    const name = typeof wanted === "string" ? wanted : wanted.name;
    return fake.asked.filter(([asked]) => asked === name).map(([, ...args]) => args);
  };
  return { fake, app, page, user, asked };
}
