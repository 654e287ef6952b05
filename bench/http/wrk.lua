-- Requests and results of a load; `src/load.rs` runs wrk with this script.

local servers = {}
for host, port in os.getenv("SERVERS"):gmatch("([^ ]+):(%d+)") do
  servers[#servers + 1] = wrk.lookup(host, port)[1]
end

-- Each thread has one of the servers.
local threads = 0
function setup(thread)
  thread.addr = servers[threads % #servers + 1]
  threads = threads + 1
end

-- Formatted in advance, and sent in turn by all connections of a thread.
local requests, last = {}, 0
function init()
  for token in io.lines(os.getenv("TOKENS")) do
    local headers = { Authorization = "Bearer " .. token }
    requests[#requests + 1] = wrk.format("GET", nil, headers)
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"responses":%d,"bad":%d,"failed":%d,"micros":%d,"p50":%f,"p99":%f}',
    summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
