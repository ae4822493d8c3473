// Sets an organization up with the secret that stands after the # of the page's address, which is sent to
// no server by itself.
"use strict";

const at = (id) => document.getElementById(id);
const message = at("message");
let token = "";

/** The secret in whatever form of the link somebody has. */
function tokenIn(text) {
  const found = text.trim().match(/(?:#|setup\/)?([A-Za-z0-9_-]{16,256})(?:\?.*)?$/);
  return found ? found[1] : "";
}

function say(text) {
  message.textContent = text;
  message.hidden = !text;
}

async function ask(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("Couldn't reach the service. Check your connection, then try again.");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) {
    throw new Error(answer?.error?.message ?? "Something went wrong. Try again.");
  }
  return answer;
}

function option(value, text) {
  const one = document.createElement("option");
  one.value = value;
  one.textContent = text;
  return one;
}

function fillPlaces(country, zone) {
  const names = new Intl.DisplayNames(["en"], { type: "region" });
  const countries = COUNTRIES.map((code) => option(code, names.of(code)));
  countries.sort((a, b) => a.textContent.localeCompare(b.textContent));
  at("country").replaceChildren(...countries);
  const here = new Intl.Locale(navigator.language || "en-US").maximize().region;
  at("country").value = country ?? (COUNTRIES.includes(here) ? here : "US");
  const zones = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((one) => one !== "UTC")];
  const wanted = zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zones.includes(wanted)) zones.unshift(wanted);
  at("zone").replaceChildren(...zones.map((one) => option(one, one.replaceAll("_", " "))));
  at("zone").value = wanted;
}

async function begin() {
  say("");
  try {
    const offer = await ask("/api/v1/setup/look_up/", { token });
    fillPlaces(offer.country, offer.time_zone);
    at("organization").value = offer.organization_name ?? "";
    const server = encodeURIComponent(location.origin);
    at("open-app").href = `callcoaching://setup/${token}?server=${server}`;
    at("link-form").hidden = true;
    at("form").hidden = false;
    at("organization").focus();
  } catch (refused) {
    say(refused.message);
    at("link-form").hidden = false;
    at("link").focus();
  }
}

at("link-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = tokenIn(at("link").value);
  if (token) begin();
  else say("That's not a valid set-up link. Copy all of it.");
});

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  say("");
  at("submit").disabled = true;
  try {
    const done = await ask("/api/v1/setup/", {
      token,
      organization_name: at("organization").value,
      country: at("country").value,
      time_zone: at("zone").value,
      first_name: at("first").value,
      last_name: at("last").value,
      email: at("email").value,
      password: at("password").value,
    });
    at("form").remove();
    at("done").querySelector("h2").textContent = `${done.organization_name} is set up`;
    at("server").textContent = location.origin;
    at("done").hidden = false;
    at("done").focus();
  } catch (refused) {
    say(refused.message);
    at("submit").disabled = false;
  }
});

token = tokenIn(location.hash);
// Nobody who looks over a shoulder or into the history finds it.
history.replaceState(null, "", location.pathname);
if (token) begin();
else at("link-form").hidden = false;
