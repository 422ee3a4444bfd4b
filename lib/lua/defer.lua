-- DEFER: puts a claimed journey back without using a try.
-- ARGV: jid, gen, due ms, 1 when the plan moves with it (quiet hours, gap: the
-- touch is not late then).  Answers ok, fenced or stopped.

local j = P .. 'j:' .. ARGV[1]
local f = redis.call('HMGET', j, 'st', 'gen')

if f[2] ~= ARGV[2] then
    return 'fenced'
end

redis.call('ZREM', P .. 'lease', ARGV[1])

if not f[1] or not OPEN[f[1]] then
    return 'stopped'
end

redis.call('ZADD', P .. 'due', ARGV[3], ARGV[1])
if ARGV[4] == '1' then
    redis.call('HSET', j, 'plan', ARGV[3])
end

return 'ok'
