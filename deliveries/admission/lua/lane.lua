-- The lane's state: one hash, read whole and written whole. Mirrors deliveries/policy/gate.py.

-- Longer than the longest pause (a day): silence must not end a pause. Bounds what deleted endpoints leave behind.
local SILENCE_MS = 2 * 86400 * 1000
local BUCKETS = 10

local TEXTS = {'state', 'digest', 'probe'}
local NUMBERS = {
  'epoch', 'number', 'era', 'failures', 'bucket_ms', 'interval', 'open_until',
  'paused_until', 'last_ok', 'cap', 'grown', 'success_at', 'marked',
}
local LISTS = {'window', 'slots'}

local function fresh()
  return {
    state = 'closed', digest = '', probe = '',
    epoch = now, number = 0, era = 0, failures = 0, bucket_ms = 1, interval = 0, open_until = 0,
    paused_until = 0, last_ok = 1, cap = 1, grown = 1, success_at = 0, marked = 0,
    window = {}, slots = {},
  }
end

local function only(list, keeps)
  local kept = {}
  for _, item in ipairs(list) do
    if keeps(item) then kept[#kept + 1] = item end
  end
  return kept
end

local function slot_of(lane, run)
  for _, slot in ipairs(lane.slots) do
    if slot[1] == run then return slot end
  end
end

-- Lets time pass: expired slots are gone, and with them a crashed run's probe; old counts fall out of the window.
local function settle(lane)
  lane.slots = only(lane.slots, function(slot) return slot[2] > now end)
  if not slot_of(lane, lane.probe) then lane.probe = '' end
  local current = math.floor(now / lane.bucket_ms)
  lane.window = only(lane.window, function(bucket) return current - BUCKETS < bucket[1] and bucket[1] <= current end)
end

-- Returns the settled lane, and whether anything was known of it.
local function load(key)
  local lane = fresh()
  local flat = redis.call('HGETALL', key)
  local stored = {}
  for i = 1, #flat, 2 do stored[flat[i]] = flat[i + 1] end
  for _, name in ipairs(TEXTS) do lane[name] = stored[name] or lane[name] end
  for _, name in ipairs(NUMBERS) do lane[name] = tonumber(stored[name] or lane[name]) end
  for _, name in ipairs(LISTS) do
    if stored[name] then lane[name] = cjson.decode(stored[name]) end
  end
  settle(lane)
  return lane, #flat > 0
end

local function save(key, lane)
  local flat = {}
  local function put(name, value)
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  for _, name in ipairs(TEXTS) do put(name, lane[name]) end
  for _, name in ipairs(NUMBERS) do put(name, string.format('%.0f', lane[name])) end
  for _, name in ipairs(LISTS) do put(name, cjson.encode(lane[name])) end
  redis.call('HSET', key, unpack(flat))
  redis.call('PEXPIRE', key, SILENCE_MS)
end

-- Mirrors deliveries/policy/slots.py.
local RECENT_SUCCESS_MS = 300000

local function allowed(lane)
  if now - lane.success_at > RECENT_SUCCESS_MS then return 1 end
  return math.min(lane.cap, lane.grown)
end

-- Takes a run's slot away, and its probe.
local function release(lane, run)
  lane.slots = only(lane.slots, function(slot) return slot[1] ~= run end)
  if lane.probe == run then lane.probe = '' end
end

-- Milliseconds for which the circuit or a pause refuses every run, and which of them; the longer one is the answer.
local function refused_by_clock(lane)
  local open = lane.state == 'open' and lane.open_until - now or 0
  local paused = lane.paused_until - now
  if math.max(open, paused) <= 0 then return nil, 0 end
  if open > paused then return 'open', open end
  return 'paused', paused
end

-- Why a run may not send now, and for how long; nil when it may. A run that holds nothing yet asks as ''.
local function refusal(lane, run)
  local reason, wait = refused_by_clock(lane)
  if reason then return reason, wait end
  local probe = slot_of(lane, lane.probe)
  if probe and probe[1] ~= run then return 'open', probe[2] - now end
  local most = lane.state == 'closed' and allowed(lane) or lane.cap
  if slot_of(lane, run) or #lane.slots < most then return nil, 0 end
  local first = math.huge
  for _, slot in ipairs(lane.slots) do first = math.min(first, slot[2]) end
  return 'slots', first - now
end
