-- KEYS: wakes.  ask: id, wait, bounds.
return {reserve(KEYS[1], ask.id, ask.wait, ask.bounds) or 0, now}
