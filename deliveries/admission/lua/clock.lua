-- Every script is called with one JSON document; `ask.now` is set by tests only.
local ask = cjson.decode(ARGV[1])

-- Whole milliseconds on the server's clock, so that all workers share one time.
local function server_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local now = ask.now or server_ms()
