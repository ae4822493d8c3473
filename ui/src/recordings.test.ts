// Recordings, and calls that come in, as a person meets them.
import { fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { route } from "./backend";
import { open } from "./test/open";
import { testids } from "./testids";

const get = (id: string) => screen.getByTestId(id);
const find = (id: string) => screen.findByTestId(id);
const none = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const LEAD = "#/leads/lead_globex";

describe("a recording", () => {
  it("r3: shows its waveform, its gaps, and each coach's modes", async () => {
    const { asked } = await open("team", LEAD);
    const player = await find(testids.recordingPlayer);
    await waitFor(() => expect(player.querySelector("svg path[d^=M]")).not.toBeNull());
    expect(asked(route.recordingPeaks)).toEqual([["acti_past1"]]);
    const bands = screen.getAllByTestId(testids.recordingBand);
    expect(bands.map((band) => band.dataset["mode"])).toEqual(["listen", "whisper", "barge"]);
    expect(get(testids.recordingGap).style.left).toBe("78.125%");
  });

  it("r1: says of a whisper that it is not in it", async () => {
    await open("team", LEAD);
    await find(testids.recordingPlayer);
    const [listen, whisper, barge] = screen.getAllByTestId(testids.recordingBand);
    expect(whisper?.getAttribute("aria-label")).toContain("not in the recording");
    expect(listen?.getAttribute("aria-label")).not.toContain("not in the recording");
    expect(barge?.getAttribute("aria-label")).not.toContain("not in the recording");
  });

  it("r3: is played, followed, paused, and sought in by keyboard and by click", async () => {
    const { fake, user, asked } = await open("team", LEAD);
    await user.click(await find(testids.recordingPlay));
    expect(asked("playRecording")).toEqual([["acti_past1", 0]]);
    await waitFor(() => expect(get(testids.recordingPlayer).dataset["playing"]).toBe("true"));
    const play = { call_id: "acti_past1", duration_ms: 384_000 };
    fake.tell("playback", { ...play, position_ms: 200_000, playing: true });
    await waitFor(() => expect(get(testids.recordingTime).textContent).toBe("3:20 / 6:24"));
    const slider = get(testids.recordingSeek);
    expect(slider.getAttribute("aria-valuenow")).toBe("200");
    expect(slider.getAttribute("aria-valuetext")).toMatch(/3:20 of 6:24.*Morgan Moss: Whisper/);
    slider.focus();
    await user.keyboard("{ArrowRight}");
    expect(asked("playRecording").at(-1)).toEqual(["acti_past1", 205_000]);
    await user.click(get(testids.recordingPlay));
    expect(asked("pausePlayback")).toHaveLength(1);
    fake.tell("playback", { ...play, position_ms: 205_000, playing: false });
    await waitFor(() => expect(get(testids.recordingPlayer).dataset["playing"]).toBe("false"));
    await user.keyboard("{Tab}");
    slider.focus();
    await user.keyboard("{End}{PageDown}");
    expect(asked("playRecording")).toHaveLength(2);
    expect(slider.getAttribute("aria-valuenow")).toBe("354");
    slider.getBoundingClientRect = () => ({ left: 100, width: 200 }) as DOMRect;
    await fireEvent.click(slider, { clientX: 150 });
    expect(slider.getAttribute("aria-valuenow")).toBe("96");
    await user.keyboard(" ");
    expect(asked("playRecording").at(-1)).toEqual(["acti_past1", 96_000]);
  });

  it("is played from its start once it was at its end, and no longer when the page is left", async () => {
    const { fake, user, asked } = await open("team", LEAD);
    await find(testids.recordingPlayer);
    const end = { call_id: "acti_past1", position_ms: 384_000, duration_ms: 384_000 };
    fake.tell("playback", { ...end, playing: false });
    await waitFor(() => expect(get(testids.recordingTime).textContent).toBe("6:24 / 6:24"));
    await user.click(get(testids.recordingPlay));
    expect(asked("playRecording")).toEqual([["acti_past1", 0]]);
    await waitFor(() => expect(get(testids.recordingPlayer).dataset["playing"]).toBe("true"));
    await user.click(get(testids.navTeam));
    await waitFor(() => expect(asked("pausePlayback")).toHaveLength(1));
  });

  it("r3: is downloaded, which says where", async () => {
    const { user } = await open("team", LEAD);
    await user.click(await find(testids.recordingDownload));
    await waitFor(() =>
      expect(get(testids.savedAs(testids.recordingDownload)).textContent).toContain(
        "Downloads/acti_past1.ogg",
      ),
    );
  });

  it("a1: is deleted by who may, when that is confirmed, and by nobody else", async () => {
    const { user, asked, page } = await open("team", LEAD);
    await find(testids.recordingPlayer);
    none(testids.recordingDelete);
    page.unmount();
    const admin = await open("admin", LEAD);
    await user.click(await find(testids.recordingDelete));
    expect(admin.asked(route.deleteRecording)).toEqual([]);
    await user.click(await find(testids.confirmYes));
    await waitFor(() => none(testids.recordingPlayer));
    expect(asked(route.deleteRecording)).toEqual([]);
    expect(admin.asked(route.deleteRecording)).toEqual([["acti_past1"]]);
  });

  it("says when it is being saved, couldn't be saved, or was deleted", async () => {
    const { fake, user } = await open("team", "#/team");
    fake.edit(route.listCalls, (page) => ({
      ...page,
      data: page.data.map((call) =>
        call.recording?.status === "stored"
          ? { ...call, recording: { ...call.recording, status: "failed" as const } }
          : call,
      ),
    }));
    await user.click(await find(testids.navLeads));
    await user.click(await find(testids.leadRow("Globex")));
    await waitFor(() => expect(screen.getAllByTestId(testids.recordingState)).toHaveLength(2));
    const states = screen.getAllByTestId(testids.recordingState);
    expect(states.map((state) => state.dataset["status"])).toEqual(["failed", "deleted"]);
    expect(states[0]?.textContent).toContain("couldn't be saved");
  });
});

describe("the recording of a call in progress", () => {
  it("r1: is shown to the rep, paused for card numbers, and goes on", async () => {
    const { user, asked } = await open("rep-recorded", "#/team");
    expect((await find(testids.callRecording)).textContent).toContain("Recording");
    const pause = get(testids.callRecordingPause);
    expect(pause.title).toContain("card numbers");
    await user.click(pause);
    await waitFor(() => expect(get(testids.callRecording).dataset["status"]).toBe("paused"));
    expect(get(testids.callRecordingPause).getAttribute("aria-pressed")).toBe("true");
    await user.click(get(testids.callRecordingPause));
    await waitFor(() => expect(get(testids.callRecording).dataset["status"]).toBe("recording"));
    expect(asked("pauseRecording")).toEqual([[true], [false]]);
  });

  it("r1: is not there for a call that is not recorded", async () => {
    await open("rep", "#/team");
    await find(testids.callBar);
    none(testids.callRecording);
    none(testids.callRecordingPause);
  });
});

describe("a lead", () => {
  it("is deleted by who manages the organization, when that is confirmed", async () => {
    const { user, asked } = await open("admin", "#/leads/lead_vandelay");
    await user.click(await find(testids.leadDelete));
    expect((await find(testids.confirm)).textContent).toContain("recordings");
    await user.click(get(testids.confirmYes));
    expect(await find(testids.pageLeads)).toBeTruthy();
    expect(asked(route.deleteLead)).toEqual([["lead_vandelay"]]);
    await waitFor(() => none(testids.leadRow("Vandelay")));
  });

  it("is not deleted by others", async () => {
    await open("team", LEAD);
    await find(testids.leadCalls);
    none(testids.leadDelete);
  });
});

describe("a call that comes in", () => {
  it("j1: rings on every page, is answered, and cannot be joined by others", async () => {
    const { user, asked, fake } = await open("incoming", "#/settings");
    const card = await find(testids.incomingCard);
    expect(card.textContent).toContain("Hooli is calling");
    await user.click(get(testids.navTeam));
    await user.click(within(await find(testids.incomingCard)).getByTestId(testids.incomingAnswer));
    expect(asked("answer")).toEqual([[fake.viewNow.calls[0]?.id]]);
    expect((await find(testids.callBar)).dataset["status"]).toBe("in-progress");
    none(testids.incomingCard);
  });

  it("is declined", async () => {
    const { user, asked, fake } = await open("incoming", "#/team");
    const id = fake.viewNow.calls[0]?.id;
    await user.click(await find(testids.incomingDecline));
    expect(asked("declineCall")).toEqual([[id]]);
    await waitFor(() => none(testids.incomingCard));
  });

  it("cannot be answered beside another call, and says why", async () => {
    const { fake } = await open("rep", "#/team");
    fake.at("riley/rep-is-called");
    expect(await find(testids.incomingAnswer)).toHaveProperty("disabled", true);
    expect(get(testids.incomingCard).textContent).toContain("You're on a call");
  });

  it("is no card for anybody but whom it rings", async () => {
    const { fake } = await open("team", "#/team");
    fake.at("morgan/team-casey-is-called");
    await waitFor(() => expect(get(testids.teamRow("Casey")).dataset["status"]).toBe("on-call"));
    none(testids.incomingCard);
  });

  it("is made by the simulated lead, with demo data only", async () => {
    const { fake, user, asked } = await open("admin", "#/leads/lead_hooli");
    await user.click(await find(testids.leadInbound));
    expect(asked(route.receiveSimulatedCall)).toEqual([
      [{ local_phone_id: "phon_main", lead_id: "lead_hooli" }],
    ]);
    fake.shell("elsewhere");
    await waitFor(() => none(testids.leadInbound));
  });
});
