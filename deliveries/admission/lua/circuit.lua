-- The breaker. Mirrors deliveries/policy/circuit.py and window.py; reports changes of state in `transitions`.

local transitions = {}

local function move(lane, to, reason, interval, open_until)
  lane.number = lane.number + 1
  lane.era = lane.era + 1
  transitions[#transitions + 1] = {lane.epoch, lane.number, lane.state, to, reason, now}
  lane.state = to
  lane.failures, lane.bucket_ms, lane.window = 0, 1, {}
  lane.interval, lane.open_until = interval, open_until
end

local function close(lane, reason)
  move(lane, 'closed', reason, 0, 0)
end

local function open(lane, reason, interval)
  move(lane, 'open', reason, interval, now + math.floor(interval * ask.jitter / 1000))
end

local function half_open(lane)
  move(lane, 'half_open', 'interval_over', lane.interval, 0)
end

local function count(lane, position)
  local index = math.floor(now / ask.bucket_ms)
  local here = {index, 0, 0}
  if lane.bucket_ms ~= ask.bucket_ms then lane.window = {} end
  for _, bucket in ipairs(lane.window) do
    if bucket[1] == index then here = bucket end
  end
  lane.window = only(lane.window, function(bucket) return bucket[1] ~= index end)
  here[position] = here[position] + 1
  lane.window[#lane.window + 1] = here
  lane.bucket_ms = ask.bucket_ms
end

local function rate_reached(lane)
  local total, failures = 0, 0
  for _, bucket in ipairs(lane.window) do
    total = total + bucket[2] + bucket[3]
    failures = failures + bucket[3]
  end
  return total >= ask.window_minimum and failures * 1000 >= total * ask.failure_permille
end

local function observe_closed(lane, effect)
  if effect == 'success' then
    count(lane, 2)
    lane.failures = 0
  elseif effect == 'failure' then
    count(lane, 3)
    lane.failures = lane.failures + 1
    if lane.failures >= ask.failure_threshold then
      open(lane, 'consecutive_failures', ask.open_ms)
    elseif rate_reached(lane) then
      open(lane, 'failure_rate', ask.open_ms)
    end
  end
end

local function observe_probe(lane, effect)
  if effect == 'success' then
    close(lane, 'probe_succeeded')
  elseif effect == 'neutral' then
    close(lane, 'probe_answered')
  elseif effect == 'failure' then
    open(lane, 'probe_failed', math.min(lane.interval * 2, ask.max_open_ms))
  end
end

-- Open, or half-open without the probe: late news.
local function observe(lane, effect, probing)
  if lane.state == 'closed' then
    observe_closed(lane, effect)
  elseif lane.state == 'half_open' and probing then
    observe_probe(lane, effect)
  end
end

-- Starts over when deliveries go to another peer than before.
local function retarget(lane, digest)
  if lane.digest ~= '' and lane.digest ~= digest then
    if lane.state == 'closed' then
      lane.era = lane.era + 1
      lane.failures, lane.bucket_ms, lane.window = 0, 1, {}
    else
      close(lane, 'target_changed')
    end
    lane.grown, lane.success_at = 1, 0
    lane.probe, lane.paused_until, lane.last_ok = '', 0, 1
  end
  lane.digest = digest
end
