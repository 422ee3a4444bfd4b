-- Sends prebuilt requests in turn; prints one line of figures at the end.
-- Arguments: the file with the requests, one after another, "\0" between.

local list = {}
local at = 0
local bad = 0

function init(args)
    local f = assert(io.open(args[1], "rb"))
    for r in f:read("*a"):gmatch("[^%z]+") do
        list[#list + 1] = r
    end
    f:close()
end

function request()
    at = at % #list + 1
    return list[at]
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        "BENCH requests=%d us=%d socket=%d status=%d p50=%d p99=%d "
        .. "mean=%d bytes=%d\n",
        summary.requests, summary.duration,
        e.connect + e.read + e.write + e.timeout, e.status,
        latency:percentile(50), latency:percentile(99), latency.mean,
        summary.bytes))
end
