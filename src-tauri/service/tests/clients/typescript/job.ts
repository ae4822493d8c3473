// The main job, by a client generated from the OpenAPI document:
//     node job.js http://127.0.0.1:8080 recording.ogg
import { writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Schemas = components["schemas"];

const [baseUrl, file] = process.argv.slice(2);
if (!baseUrl || !file) throw new Error("address and file");

function client(token?: string) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return createClient<paths>({ baseUrl: baseUrl!, headers });
}

/** What an answer holds; a refusal ends it all. */
function got<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) {
    throw new Error(`${answer.response.url}: ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
}

async function signIn(email: string) {
  const body: Schemas["SignInRequest"] = {
    email,
    password: "demo-password",
    client_type: "native",
  };
  const tokens: Schemas["Tokens"] = got(await client().POST("/api/v1/auth/sign_in/", { body }));
  return client(tokens.access_token);
}

const rep = await signIn("riley@demo.example");
const coach = await signIn("morgan@demo.example");

const query = { query: "Globex", _limit: 1 };
const leads: Schemas["Lead"][] = got(await rep.GET("/api/v1/lead/", { params: { query } })).data;
const numbers: Schemas["PhoneNumber"][] = got(await rep.GET("/api/v1/phone_number/")).data;
const number = numbers.find(({ type }) => type === "internal");
if (!leads[0] || !number) throw new Error("no lead or number");

const body = { lead_id: leads[0].id, local_phone_id: number.id };
const placed: Schemas["Call"] = got(await rep.POST("/api/v1/activity/call/", { body }));
const path = { id: placed.id };

/** Waits until the call is as wanted. */
async function until(is: (call: Schemas["Call"]) => boolean): Promise<Schemas["Call"]> {
  for (let tries = 0; tries < 600; tries += 1) {
    const call = got(await rep.GET("/api/v1/activity/call/{id}/", { params: { path } }));
    if (is(call)) return call;
    await wait(100);
  }
  throw new Error("waited for too long");
}

await until(({ status }) => status === "in-progress");
const active = got(
  await coach.GET("/api/v1/activity/call/", { params: { query: { active: true } } }),
);
const seen = active.data.find(({ id }) => id === placed.id);
if (!seen?.joinability.joinable) throw new Error("the coach can't join");

const modes: Schemas["CoachMode"][] = [];
const joined: Schemas["CoachLeg"] = got(
  await coach.POST("/api/v1/activity/call/{id}/coach_leg/", { params: { path }, body: {} }),
);
modes.push(joined.mode);
for (const mode of ["whisper", "barge"] as const) {
  const leg = got(
    await coach.PUT("/api/v1/activity/call/{id}/coach_leg/mode/", {
      params: { path },
      body: { mode },
    }),
  );
  modes.push(leg.mode);
}
// Who joins again comes back in Listen, and the answer says so.
const again = got(
  await coach.POST("/api/v1/activity/call/{id}/coach_leg/", { params: { path }, body: {} }),
);
modes.push(again.mode);
const left = await coach.DELETE("/api/v1/activity/call/{id}/coach_leg/", { params: { path } });
if (left.response.status !== 204) throw new Error(JSON.stringify(left.error));

await until(({ recording }) => recording?.status === "recording");
got(await rep.POST("/api/v1/activity/call/{id}/hangup/", { params: { path } }));
const over = await until(({ recording }) => recording?.status === "stored");
const sound: ArrayBuffer = got(
  await rep.GET("/api/v1/activity/call/{id}/recording/", {
    params: { path },
    parseAs: "arrayBuffer",
  }),
);
writeFileSync(file, Buffer.from(sound));

// A refusal has its code.
const refused = await coach.POST("/api/v1/activity/call/{id}/coach_leg/", {
  params: { path },
  body: {},
});
if (refused.error?.error.code !== "call_ended") throw new Error(JSON.stringify(refused.error));

console.log(JSON.stringify({ modes, bytes: over.recording?.bytes }));
