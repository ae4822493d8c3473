// A coach in a browser: listens, whispers and barges over one connection.
//
// A browser can't say in its packets in which mode they were captured, so it has a track for each mode:
// what is sent on one goes no further than that mode, however late it comes. Each track has a way of its
// own from the microphone to the network. A switch closes one way and opens the other at the microphone,
// so that what is still on its way, in a noise suppressor, an encoder or the network, stays on the track
// it was said on. A single way that is moved from one track to the other would carry the end of a
// whisper into the barge.

const MODES = ["listen", "whisper", "barge"];
// What a way still holds after it was closed is heard for so long; later it reaches nobody.
const DRAIN_MS = 1000;
// Between closing one way and opening the other, on the microphone's clock.
const OPENS_S = 0.02;

export class BrowserCoach {
  mode = "listen";
  #options;
  #ways = {};

  /**
   * Joins a call, in Listen. Play `connection`'s first track to hear it.
   *
   * @param {object} options
   * @param {string} options.service the service, such as `https://coaching.example.com`
   * @param {string} options.token an access token
   * @param {string} options.call the call's id
   * @param {AudioNode} options.microphone what the coach says, such as a `MediaStreamAudioSourceNode`
   * @param {(input: AudioNode) => AudioNode} [options.process] noise suppression and the like; made once
   *   for each way
   * @param {(mode: string, time: number) => void} [options.switched] told of each switch, with the time on
   *   the microphone's clock from which on it holds
   */
  static async join(options) {
    const coach = new BrowserCoach();
    coach.#options = { process: (input) => input, switched: () => {}, ...options };
    await coach.#ask("POST", "coach_leg/", {});
    await coach.connect();
    return coach;
  }

  /** Connects the sound: after joining, and again when the connection was lost. */
  async connect() {
    this.connection?.close();
    this.connection = new RTCPeerConnection();
    const whisper = this.connection.addTransceiver("audio", { direction: "sendrecv" });
    const barge = this.connection.addTransceiver("audio", { direction: "sendonly" });
    this.#ways = { whisper: this.#way(whisper), barge: this.#way(barge) };
    await this.#offer();
  }

  /** Moves the connection to another network. The sound goes on meanwhile, in Listen. */
  async restart() {
    this.connection.restartIce();
    await this.#offer();
  }

  /** Switches to `listen`, `whisper` or `barge`. Narrows at once, and widens when the service agrees. */
  async switchTo(mode) {
    if (MODES.indexOf(mode) < MODES.indexOf(this.mode)) this.#open(mode);
    const leg = await this.#ask("PUT", "coach_leg/mode/", { mode });
    this.#open(leg.mode);
  }

  async leave() {
    this.#open("listen");
    this.connection.close();
    await this.#ask("DELETE", "coach_leg/");
  }

  async #offer() {
    await this.connection.setLocalDescription();
    const { whisper, barge } = this.#ways;
    const answer = await this.#ask("POST", "media/", {
      sdp: this.connection.localDescription.sdp,
      tracks: { whisper: whisper.transceiver.mid, barge: barge.transceiver.mid },
    });
    // A leg comes back in Listen after every offer.
    this.#open("listen");
    await this.connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  /** From the microphone to one track. While its sender has no track, nothing is sent. */
  #way(transceiver) {
    const { microphone, process } = this.#options;
    const gate = new GainNode(microphone.context, { gain: 0 });
    const end = new MediaStreamAudioDestinationNode(microphone.context, { channelCount: 1 });
    microphone.connect(gate);
    process(gate).connect(end);
    const [track] = end.stream.getAudioTracks();
    return { transceiver, gate, track, closing: undefined };
  }

  /** Closes the other way at once, and then opens this one. */
  #open(mode) {
    const now = this.#options.microphone.context.currentTime;
    const opens = now + OPENS_S;
    for (const [of, way] of Object.entries(this.#ways)) {
      clearTimeout(way.closing);
      if (of === mode) continue;
      way.gate.gain.setValueAtTime(0, now);
      way.closing = setTimeout(() => way.transceiver.sender.replaceTrack(null), DRAIN_MS);
    }
    this.mode = mode;
    this.#options.switched(mode, opens);
    const way = this.#ways[mode];
    way?.transceiver.sender.replaceTrack(way.track);
    way?.gate.gain.setValueAtTime(1, opens);
  }

  async #ask(method, path, body) {
    const { service, token, call } = this.#options;
    const response = await fetch(`${service}/api/v1/activity/call/${call}/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const answer = response.status === 204 ? null : await response.json();
    if (!response.ok) throw new Error(answer.error.message);
    return answer;
  }
}
