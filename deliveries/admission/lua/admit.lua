-- KEYS: lane, wakes, rung.  ask: id, run, slot_ms, answering, arrived, bounds.
-- Specified by deliveries.policy.admission.admit; the doorbell and the countdown ride along to save round trips.
local lane_key, wakes, rung = KEYS[1], KEYS[2], KEYS[3]

if ask.answering then redis.call('DEL', rung) end
if ask.arrived then arrived(wakes, ask.id, ask.arrived) end

local lane = load(lane_key)
local reason, wait = refusal(lane, ask.run)

if reason then
  local by_clock = refused_by_clock(lane)
  release(lane, ask.run)
  if not by_clock then lane.marked = 1 end
  save(lane_key, lane)
  -- Whoever waits for another run is woken by that run's end, not by the clock.
  local wake_at = by_clock and ask.bounds and reserve(wakes, ask.id, wait, ask.bounds)
  return cjson.encode({refused = reason, wait = wait, wake_at = wake_at or 0, now = now})
end

if lane.state == 'open' then half_open(lane) end
local probing = lane.state == 'half_open'
release(lane, ask.run)
lane.slots[#lane.slots + 1] = {ask.run, now + ask.slot_ms, lane.era}
lane.probe = probing and ask.run or ''
-- Whoever was turned away before now is looked after by this run: its claim follows.
lane.marked = 0
save(lane_key, lane)
return cjson.encode({
  probing = probing, slots_free = refusal(lane, '') == nil, transitions = transitions,
})
