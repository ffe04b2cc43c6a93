"""What workers share from second to second, in Redis: circuits, slots, doorbells and countdowns.

Size grows with the number of endpoints, never with the number of events; losing all of it costs a few seconds of
caution. Times are whole milliseconds on the server's own clock. Rules that race are Lua scripts (`lua/`), each one
atomic; `deliveries.policy.admission` specifies them. One server, not a cluster: the scripts
touch a lane and the common set of countdowns together.

==========================  =======================  =========================  ================  ==================
key                         who writes               who may race               bounded by        cleaned by
==========================  =======================  =========================  ================  ==================
argus:{endpoint}:lane       admit, record, leave,    every run of the lane,     one hash an       two days of
(hash)                      force, overdue           the sweep, a person; each  endpoint; window  silence (expiry);
                                                     reads and writes it whole  ≤ 10 buckets,     expired slots and
                                                     inside one script          slots ≤ its cap   old buckets at each
                                                                                                  reading
argus:{target}:rung:{kind}  ring sets; answer,       producers, fan-out, sweep  one flag a        answer, admit or
(string: when it rang)      withdraw and admit       and runs: a flag taken     target and kind   withdraw; an hour
                            take down                down too much costs one                      (expiry)
                                                     message too many
argus:wakes (sorted set:    admit, record, leave     runs of one lane: the      one member a      arrived or admit;
lane → when it rings)       and reserve add;         earliest wins              lane, at most     past members with
                            arrived and admit take                              the limit         each reservation;
                            away                                                                  a day (expiry)
==========================  =======================  =========================  ================  ==================

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
