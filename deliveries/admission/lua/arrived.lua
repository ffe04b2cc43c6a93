-- KEYS: wakes.  ask: id, wake_at.
arrived(KEYS[1], ask.id, ask.wake_at)
