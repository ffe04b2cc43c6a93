"""What happened, who was told and what they answered. The hops of an event, top to bottom:

publish     an event becomes a committed row, owed to whoever subscribes
tasks       Celery's side: doorbells in, countdowns out, nothing else
fanout      one organisation's new events become deliveries
lane        one endpoint's deliveries are admitted, claimed, sent, settled and recorded
sweep       whatever a lost message or a dead process left behind is rung again
settle      attempts are appended and deliveries move, in one statement
transport   the one HTTP client, its deadline and its address guard
admission   what workers share in Redis: circuits, slots, doorbells
models      the truth, in PostgreSQL
policy      the rules, without clock, chance or I/O
"""
