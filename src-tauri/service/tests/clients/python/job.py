"""The main job, by a client generated from the OpenAPI document:

    python job.py http://127.0.0.1:8080 recording.ogg
"""

import json
import sys
import time
from pathlib import Path

from call_coaching import AuthenticatedClient, Client
from call_coaching.api.auth import sign_in
from call_coaching.api.call import get_call, hang_up, list_calls, place_call
from call_coaching.api.coaching import join, leave, set_mode
from call_coaching.api.directory import list_leads, list_phone_numbers
from call_coaching.api.recording import get_recording
from call_coaching.models import (
    CallStatus,
    ClientType,
    CoachMode,
    Code,
    ErrorBody,
    JoinRequest,
    ModeRequest,
    PhoneNumberKind,
    PlaceCallRequest,
    RecordingStatus,
    SignInRequest,
)

base, file = sys.argv[1:]


def got(answer):
    """What an answer holds; a refusal ends it all."""
    assert answer is not None and not isinstance(answer, ErrorBody), answer
    return answer


def signed_in(email):
    body = SignInRequest(
        email=email, password="demo-password", client_type=ClientType.NATIVE
    )
    tokens = got(sign_in.sync(client=Client(base_url=base), body=body))
    return AuthenticatedClient(base_url=base, token=tokens.access_token)


rep = signed_in("riley@demo.example")
coach = signed_in("morgan@demo.example")

lead = got(list_leads.sync(client=rep, query="Globex", field_limit=1)).data[0]
numbers = got(list_phone_numbers.sync(client=rep)).data
number = next(one for one in numbers if one.type_ == PhoneNumberKind.INTERNAL)
body = PlaceCallRequest(lead_id=lead.id, local_phone_id=number.id)
call = got(place_call.sync(client=rep, body=body))


def until(wanted):
    """Waits until the call is as wanted."""
    for _ in range(600):
        now = got(get_call.sync(call.id, client=rep))
        if wanted(now):
            return now
        time.sleep(0.1)
    raise TimeoutError("waited for too long")


until(lambda now: now.status == CallStatus.IN_PROGRESS)
active = got(list_calls.sync(client=coach, active=True)).data
assert next(one for one in active if one.id == call.id).joinability.joinable

modes = [got(join.sync(call.id, client=coach, body=JoinRequest())).mode]
for mode in (CoachMode.WHISPER, CoachMode.BARGE):
    leg = got(set_mode.sync(call.id, client=coach, body=ModeRequest(mode=mode)))
    modes.append(leg.mode)
# Who joins again comes back in Listen, and the answer says so.
modes.append(got(join.sync(call.id, client=coach, body=JoinRequest())).mode)
assert leave.sync_detailed(call.id, client=coach).status_code == 204

until(lambda now: now.recording.status == RecordingStatus.RECORDING)
got(hang_up.sync(call.id, client=rep))
over = until(lambda now: now.recording.status == RecordingStatus.STORED)
sound = got(get_recording.sync(call.id, client=rep)).payload.read()
Path(file).write_bytes(sound)

# A refusal has its code.
refused = join.sync(call.id, client=coach, body=JoinRequest())
assert isinstance(refused, ErrorBody) and refused.error.code == Code.CALL_ENDED, refused

print(json.dumps({"modes": [mode.value for mode in modes], "bytes": over.recording.bytes_}))
