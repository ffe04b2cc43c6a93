-- KEYS: rung…, then the lanes in the same order if the kind has lanes.  ask: count, stale_ms.
-- Answers for each doorbell: 0 it is already rung, 1 publish, 2 publish, and the lane's last outcome was no success.
local FLAG_GARBAGE_MS = 3600 * 1000

local function rings(key)
  if redis.call('SET', key, now, 'NX', 'PX', FLAG_GARBAGE_MS) then return true end
  if not ask.stale_ms then return false end
  -- Rung long ago and still not answered: the message was lost. (Rung in the future: a clock was set back.)
  local age = now - tonumber(redis.call('GET', key))
  if age >= 0 and age < ask.stale_ms then return false end
  redis.call('SET', key, now, 'PX', FLAG_GARBAGE_MS)
  return true
end

local answers = {}
for i = 1, ask.count do
  local lane = KEYS[ask.count + i]
  if not rings(KEYS[i]) then
    answers[i] = 0
  else
    answers[i] = lane and redis.call('HGET', lane, 'last_ok') == '0' and 2 or 1
  end
end
return answers
