"""What workers share from second to second, in Redis: circuits, slots, doorbells and countdowns.

Size grows with the number of endpoints, never with the number of events; losing all of it costs a few seconds of
caution. Times are whole milliseconds on the server's own clock. Rules that race are Lua scripts (`lua/`), each one
atomic; `deliveries.policy.admission` specifies them. One server, or one with replicas under a sentinel: the scripts
touch a lane and the common set of countdowns together, which a cluster would refuse.

=========================  =====================  ===========================  ==================  ==================
key                        who writes             who may race                 bounded by          cleaned by
=========================  =====================  ===========================  ==================  ==================
argus:{endpoint}:lane      admit, record, leave,  every run of the lane, the   one hash an         two days of
(hash)                     force, overdue         sweep, a person; each        endpoint; window    silence (expiry);
                                                  reads and writes it whole    ≤ 10 buckets,       expired slots and
                                                  inside one script            slots ≤ its cap     old buckets at
                                                                               (64)                each reading
argus:{target}:rung:kind   ring (absent or, for   producers, fan-out, sweep    one flag a target   answer or admit;
(string: when it rang)     the sweep, stale);     and runs; a flag taken down  and kind            withdraw; an hour
                           answer, withdraw and   too much costs one message                       (expiry)
                           admit take it down     too many
argus:wakes (sorted set:   admit, record, leave,      runs of one lane (the        one member a lane,  admit or arrived;
lane → when it rings)      reserve add; arrived   earliest wins)               at most the limit   past members with
                           and admit remove                                                        each reservation;
                                                                                                   a day (expiry)
=========================  =====================  ===========================  ==================  ==================

Why no wake-up is lost: a run that is turned away because others hold the slots marks the lane in the script that
refuses it. The mark is taken either by the next run that is admitted, whose claim comes after, or by the next run
that frees a slot, which is told to look once more. A run that crashes frees nothing; the sweep finds the lane.
"""

from __future__ import annotations

from deliveries.admission.countdowns import Bounds, Reserved
from deliveries.admission.errors import AdmissionError, Unreachable
from deliveries.admission.keys import Kind
from deliveries.admission.lanes import Forced, Permit, Recorded, Refused, admit, force, leave, record
from deliveries.admission.survey import LaneState, Overdue, overdue, read
from deliveries.policy.admission import Action
from deliveries.policy.gate import Refusal

__all__ = [
    "Action",
    "AdmissionError",
    "Bounds",
    "Forced",
    "Kind",
    "LaneState",
    "Overdue",
    "Permit",
    "Recorded",
    "Refusal",
    "Refused",
    "Reserved",
    "Unreachable",
    "admit",
    "force",
    "leave",
    "overdue",
    "read",
    "record",
]
