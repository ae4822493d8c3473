import "./style/tokens.css";
import "./style/base.css";
import "./style/tables.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { insideTheApp, shell, type Backend } from "./backend";
import { AppState } from "./state.svelte";

async function backend(): Promise<Backend> {
  if (__DEMO__ && !insideTheApp()) {
    const { demo } = await import("./demo");
    return demo();
  }
  return shell();
}

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");
const app = new AppState(await backend());
mount(App, { target, props: { app } });
await app.start();
