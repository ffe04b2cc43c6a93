"""What happened, who was told and what they answered.

The hops of an event, top to bottom:

publish        an event becomes a committed row, owed to whoever subscribes
tasks          Celery's side: doorbells in, countdowns out, nothing else
fanout         one organisation's new events become deliveries
lane           one endpoint's deliveries are admitted, claimed, sent, settled and recorded
sweep          whatever a lost message or a dead process left behind is rung again
upkeep         what no lane will ever send is ended, what a released hold let go is due again
interventions  what a person does to deliveries and circuits by hand
chunk          a claim is sent row by row until it is time to settle
claiming       which kind of delivery a run claims next
dispatch       one claimed delivery becomes one signed request, and its answer an outcome
ordered_claims due heads of ordering keys, and who follows them, become one worker's
acceptance     events, their idempotency keys and their outbox rows in one statement
claims         due deliveries become one worker's, for the length of a lease
settle         attempts are appended and deliveries move, in one statement
needs          which endpoints upkeep is for
leases         what a vanished worker held is freed and recorded as unknown
circuits       changes of a circuit become history
sequences      deliveries of ordered endpoints are written with their number
ordered_lanes  ordered lanes with a due head are listed
transport      the one HTTP client, its deadline and its address guard
admission      what workers share in Redis: circuits, slots, doorbells
models         the truth, in PostgreSQL
conf           settings become behaviour
policy         the rules, without clock, chance or I/O
"""
