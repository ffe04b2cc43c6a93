-- KEYS: lane, wakes.  ask: id, run, keep, due_ms, bounds; and unless the run found nothing to send: effects, digest,
-- pause_ms, cap, thresholds.  Specified by deliveries.policy.admission, record and leave.
local lane_key, wakes = KEYS[1], KEYS[2]

local function slow_start(lane, heard)
  if heard.failure or heard.pause then
    lane.grown = 1
  elseif heard.success then
    lane.grown = math.min(allowed(lane) * 2, lane.cap)
    lane.success_at = now
  end
end

local function hear(lane)
  retarget(lane, ask.digest)
  lane.cap = ask.cap
  local probing, heard = lane.probe == ask.run, {}
  for _, effect in ipairs(ask.effects) do
    observe(lane, effect, probing)
    heard[effect] = true
    if effect ~= 'none' then lane.last_ok = effect == 'success' and 1 or 0 end
  end
  slow_start(lane, heard)
  if probing then lane.probe = '' end
end

local lane = load(lane_key)
local slot = slot_of(lane, ask.run)
-- A run speaks for the lane while it holds a slot of the present era; anything else is late news.
if ask.effects and slot and slot[3] == lane.era then hear(lane) end
if ask.effects and ask.pause_ms > 0 and (lane.digest == '' or lane.digest == ask.digest) then
  lane.paused_until = math.max(lane.paused_until, now + ask.pause_ms)
end

local wake, wake_at = false, nil
if not ask.keep then
  release(lane, ask.run)
  wake = lane.marked == 1 and refusal(lane, '') == nil
  if wake then lane.marked = 0 end
end
save(lane_key, lane)

local _, wait = refused_by_clock(lane)

-- When the lane is next worth a visit. A probe takes the earliest pending delivery before it is due, so that a healthy
-- partner is found out when the interval is over, not when its next retry happens to fall.
local function next_visit()
  if lane.state == 'open' and wait > 0 then return wait end
  return math.max(ask.due_ms, wait)
end

if ask.due_ms and ask.bounds and not wake then
  wake_at = reserve(wakes, ask.id, next_visit(), ask.bounds)
end
return cjson.encode({
  circuit = lane.state, wait = wait, wake = wake, slots_free = refusal(lane, '') == nil,
  last_ok = lane.last_ok == 1, wake_at = wake_at or 0, now = now, transitions = transitions,
})
