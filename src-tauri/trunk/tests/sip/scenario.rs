//! What a `sipp` does, step by step: the words of its scenario files.

/// A scenario of whoever is called.
#[derive(Clone, Default)]
pub struct Scenario {
    steps: String,
}

/// A session description of the callee's.
pub struct Sdp {
    pub codecs: &'static str,
    pub direction: &'static str,
    pub version: u32,
}

pub const PCMA: &str = "8";
pub const PCMU: &str = "0";

/// Both ways, in A-law.
pub const SOUND: Sdp = Sdp {
    codecs: PCMA,
    direction: "sendrecv",
    version: 1,
};

impl Sdp {
    fn text(&self) -> String {
        let (codec, direction, version) = (self.codecs, self.direction, self.version);
        let name = if codec == PCMU { "PCMU" } else { "PCMA" };
        format!(
            "v=0\no=- 53655765 {version} IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\n\
             m=audio [media_port] RTP/AVP {codec} 101\na=rtpmap:{codec} {name}/8000\n\
             a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\na={direction}\n"
        )
    }
}

/// A challenge (RFC 3261 §22) for the account `account` with the password `trunk-password`.
pub fn challenge(header: &str) -> String {
    format!(
        "{header}: Digest realm=\"trunk.example\", nonce=\"47ebe028cda119c35d4877b383027d28\", \
         algorithm=MD5, qop=\"auth\"\n"
    )
}

impl Scenario {
    /// Takes an INVITE.
    pub fn invited() -> Self {
        Self::default().add(
            "<recv request=\"INVITE\" rrs=\"true\"><action>\
             <ereg regexp=\".*\" search_in=\"hdr\" header=\"From:\" assign_to=\"caller\"/>\
             <ereg regexp=\"Via:[^\\r\\n]*\" search_in=\"msg\" assign_to=\"via\"/>\
             <ereg regexp=\"sip:[^>;]*\" search_in=\"hdr\" header=\"To:\" assign_to=\"callee\"/>\
             </action></recv>",
        )
    }

    /// Takes a second INVITE, which must have the right credentials.
    pub fn invited_with(self, header: &str) -> Self {
        self.add(&format!(
            "<recv request=\"INVITE\" rrs=\"true\"><action>\
             <ereg regexp=\".*\" search_in=\"hdr\" header=\"{header}:\" check_it=\"true\" \
             assign_to=\"credentials\"/>\
             <verifyauth assign_to=\"right\" username=\"account\" password=\"trunk-password\"/>\
             </action></recv><nop next=\"right\" test=\"right\"/>"
        ))
        .reply("403 Forbidden", "", None)
        .expect("ACK")
        .add("<pause milliseconds=\"1\"/><label id=\"right\"/><Reference variables=\"credentials\"/>")
    }

    fn add(mut self, step: &str) -> Self {
        self.steps.push_str(step);
        self.steps.push('\n');
        self
    }

    /// Replies to the request that came last.
    pub fn reply(self, status: &str, headers: &str, sdp: Option<&Sdp>) -> Self {
        let invite = ";tag=[pid]t[call_number]";
        let retrans = if status.starts_with("200") && sdp.is_some() {
            " retrans=\"500\""
        } else {
            ""
        };
        self.send(
            retrans,
            &format!(
                "SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:]{invite}\n[last_Call-ID:]\n\
                 [last_CSeq:]\nContact: <sip:[local_ip]:[local_port];transport=[transport]>\n{headers}"
            ),
            sdp,
        )
    }

    /// Replies to a request within the call.
    pub fn reply_within(self, status: &str, cseq: &str) -> Self {
        self.send(
            "",
            &format!(
                "SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n{cseq}\n"
            ),
            None,
        )
    }

    /// Replies to an INVITE within the call.
    pub fn reply_within_sdp(self, direction: &'static str) -> Self {
        let sdp = Sdp {
            direction,
            version: 2,
            ..SOUND
        };
        self.send(
            " retrans=\"500\"",
            "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n\
             Contact: <sip:[local_ip]:[local_port];transport=[transport]>\n",
            Some(&sdp),
        )
    }

    /// Replies to the first INVITE, when another request came since.
    pub fn reply_to_invite(self, status: &str, sdp: Option<&Sdp>) -> Self {
        self.send(
            "",
            &format!(
                "SIP/2.0 {status}\n[$via]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n\
                 CSeq: 1 INVITE\nContact: <sip:[local_ip]:[local_port];transport=[transport]>\n"
            ),
            sdp,
        )
    }

    /// Answers with sound.
    pub fn answer(self) -> Self {
        self.reply("200 OK", "", Some(&SOUND)).expect("ACK")
    }

    /// Sends a request within the call, and expects 200.
    pub fn request(self, method: &str, cseq: u32, headers: &str, sdp: Option<&Sdp>) -> Self {
        self.send_request(method, cseq, headers, sdp, " retrans=\"500\"")
            .add("<recv response=\"200\"></recv>")
    }

    /// Acknowledges the answer to an INVITE within the call.
    pub fn acknowledge(self, cseq: u32) -> Self {
        self.send_request("ACK", cseq, "", None, "")
    }

    fn send_request(
        self,
        method: &str,
        cseq: u32,
        headers: &str,
        sdp: Option<&Sdp>,
        retrans: &str,
    ) -> Self {
        self.send(
            retrans,
            &format!(
                "{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
                 From: <[$callee]>;tag=[pid]t[call_number]\nTo: [$caller]\n[last_Call-ID:]\n\
                 CSeq: {cseq} {method}\n\
                 Contact: <sip:[local_ip]:[local_port];transport=[transport]>\nMax-Forwards: 70\n{headers}"
            ),
            sdp,
        )
    }

    fn send(self, retrans: &str, head: &str, sdp: Option<&Sdp>) -> Self {
        let (kind, body) = match sdp {
            Some(sdp) => ("Content-Type: application/sdp\n", sdp.text()),
            None => ("", String::new()),
        };
        self.add(&format!(
            "<send{retrans}><![CDATA[\n{head}{kind}Content-Length: [len]\n\n{body}\n]]></send>"
        ))
    }

    /// Waits for a request.
    pub fn expect(self, method: &str) -> Self {
        self.add(&format!("<recv request=\"{method}\"></recv>"))
    }

    /// Waits for the end of the call by the other side.
    pub fn ended(self) -> Self {
        self.expect("BYE").reply_within("200 OK", "[last_CSeq:]")
    }

    /// Waits to be cancelled.
    pub fn cancelled(self) -> Self {
        self.expect("CANCEL")
            .reply_within("200 OK", "[last_CSeq:]")
            .reply_within("487 Request Terminated", "CSeq: 1 INVITE")
            .expect("ACK")
    }

    pub fn pause(self, ms: u32) -> Self {
        self.add(&format!("<pause milliseconds=\"{ms}\"/>"))
    }

    /// The scenario's file.
    pub fn xml(&self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"test\">\n{}\
             <Reference variables=\"caller,callee,via\"/>\n</scenario>\n",
            self.steps
        )
    }
}
