-- KEYS: lane.  ask: action, jitter, open_ms.  Specified by deliveries.policy.admission.force.
local lane = load(KEYS[1])

if ask.action == 'close' and lane.state ~= 'closed' then
  close(lane, 'forced')
elseif ask.action == 'open' and lane.state ~= 'open' then
  open(lane, 'forced', ask.open_ms)
elseif ask.action == 'probe' and lane.state == 'open' then
  lane.open_until = math.min(lane.open_until, now)
end
if #transitions > 0 then
  lane.probe, lane.grown = '', 1
end
save(KEYS[1], lane)
return cjson.encode({circuit = lane.state, transitions = transitions})
