-- For wrk: each request is an event of its own, of a subscriber of its own.
--   wrk ... -s load.lua URL -- TOKEN FILE START PAUSE
-- FILE holds an event with a $ for its id and a # wherever its number (15 digits) stands. START is
-- the first number,
-- PAUSE is how long a connection rests between two events, in milliseconds, 0 to 2 x that.

local head, parts, number, pause = "", {}, 0, 0

function init(args)
  local file = assert(io.open(args[2], "rb"))
  local text = file:read("*a")
  file:close()
  head, text = text:match("^([^$]*)%$(.*)$")
  for part in (text .. "#"):gmatch("([^#]*)#") do parts[#parts + 1] = part end
  number, pause = tonumber(args[3]), tonumber(args[4])
  wrk.method = "POST"
  wrk.path = "/process-event"
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  wrk.headers["Content-Type"] = "application/json"
  -- as NSPS sends them (contract 2)
  wrk.headers["X-B3-TraceId"] = "463ac35c9f6413ad48485a3953bb6124"
  wrk.headers["X-Request-Id"] = "b3e1a0f2-6d4c-4e8a-9f5b-1c2d3e4f5a6b"
  if pause > 0 then
    delay = function() return math.random(0, 2 * pause) end
  end
end

function request()
  number = number + 1
  local id = string.format("%08x-0000-4000-8000-%012x", number % 2 ^ 32, number)
  local rest = table.concat(parts, string.format("%015d", number))
  return wrk.format(nil, nil, nil, head .. id .. rest)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"events": %d, "seconds": %f, "p50": %f, "p99": %f, "refused": %d, "lost": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
