-- At most one waiting countdown per lane, in one sorted set: member = lane, score = when it rings.

local WAKES_GARBAGE_MS = 86400 * 1000

local function live_wake(wakes, id)
  local wake_at = tonumber(redis.call('ZSCORE', wakes, id) or 0)
  return wake_at > now and wake_at or nil
end

-- Whether one more countdown may be held: near enough, and not too many already. The past ones are forgotten.
local function room(wakes, wait, bounds)
  if wait > bounds.ceiling_ms then return false end
  redis.call('ZREMRANGEBYSCORE', wakes, '-inf', now)
  return redis.call('ZCARD', wakes) < bounds.limit
end

-- Reserves the lane's countdown and returns when it rings; nil when an earlier one waits or none may be held.
local function reserve(wakes, id, wait, bounds)
  local wake_at, waiting = now + wait, live_wake(wakes, id)
  if wait <= 0 or waiting and waiting <= wake_at then return nil end
  if not waiting and not room(wakes, wait, bounds) then return nil end
  redis.call('ZADD', wakes, wake_at, id)
  redis.call('PEXPIRE', wakes, WAKES_GARBAGE_MS)
  return wake_at
end

-- A countdown rang: the lane's reservation goes if it is that one, whatever the clocks say.
local function arrived(wakes, id, wake_at)
  if tonumber(redis.call('ZSCORE', wakes, id) or -1) == wake_at then redis.call('ZREM', wakes, id) end
end
