-- KEYS: wakes, lanes….  ask: ids.  Changes nothing; what has left the window or expired is not shown.
local answers = {}
for i, id in ipairs(ask.ids) do
  local lane, known = load(KEYS[i + 1])
  lane.known, lane.allowed = known, allowed(lane)
  lane.wake_at = live_wake(KEYS[1], id) or 0
  answers[i] = lane
end
return cjson.encode(answers)
