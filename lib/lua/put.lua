-- PUT: appends one event to the ingest log.
-- ARGV: cap, t, v, n, seq, e, d.  Answers the entry's id, or "full" when the
-- log is over its cap and the type may be lost.

local LOW = {seen = true, step = true, exposure = true}
local cap = tonumber(ARGV[1]) or 0

if LOW[ARGV[2]] and cap > 0 and redis.call('XLEN', KEYS[1]) >= cap then
    return 'full'
end

return redis.call('XADD', KEYS[1], '*', 't', ARGV[2], 'v', ARGV[3],
                  'n', ARGV[4], 'seq', ARGV[5], 'e', ARGV[6], 'd', ARGV[7])
