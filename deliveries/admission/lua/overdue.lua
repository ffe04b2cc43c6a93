-- KEYS: wakes, lanes….  ask: ids, digests, bounds.  Answers the positions of the lanes to ring.
-- A lane refused by the clock is left alone while a countdown waits for it or none may be held.
local wakes, ring = KEYS[1], {}

local function worth_ringing(lane, id)
  local reason, wait = refusal(lane, '')
  if not reason then return true end
  if not refused_by_clock(lane) or live_wake(wakes, id) then return false end
  return room(wakes, wait, ask.bounds)
end

-- An edited target starts over and is rung even while old requests hold its slots: the run leaves its mark there.
local function look(i, id)
  local key, digest = KEYS[i + 1], ask.digests[i]
  local lane, known = load(key)
  local edited = lane.digest ~= '' and lane.digest ~= digest
  if known and lane.digest ~= digest then
    retarget(lane, digest)
    save(key, lane)
  end
  if edited or worth_ringing(lane, id) then ring[#ring + 1] = i end
end

local moved = {}
for i, id in ipairs(ask.ids) do
  look(i, id)
  while #moved < #transitions do moved[#moved + 1] = i end
end
return cjson.encode({ring = ring, moved = moved, transitions = transitions})
