-- CLAIM: takes the journey that is due first, under a lease.
-- ARGV: lease ms, worker.
-- Answers {"idle", ms of the next due or ""}, {"more"} after a run of stale
-- entries, or {"job", jid, now, journey, person, visitor, suppression} with the
-- three hashes as flat field-value arrays (gen is already the new one).

local now = clock()
local ttl = tonumber(ARGV[1])

for _ = 1, 16 do
    local r = redis.call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')
    if not r[1] then
        return {'idle', ''}
    end
    if tonumber(r[2]) > now then
        return {'idle', fmt(tonumber(r[2]))}
    end

    local jid, j = r[1], P .. 'j:' .. r[1]
    local st = hget(j, 'st')
    redis.call('ZREM', P .. 'due', jid)

    if st and OPEN[st] then
        redis.call('ZADD', P .. 'lease', fmt(now + ttl), jid)
        redis.call('HINCRBY', j, 'gen', 1)
        redis.call('HSET', j, 'own', ARGV[2])

        local f = redis.call('HMGET', j, 'pid', 'vid')
        local p, sup = {}, ''
        if f[1] and f[1] ~= '' then
            p = redis.call('HGETALL', P .. 'p:' .. f[1])
            p[#p + 1] = 'gpc'
            p[#p + 1] = gpc({vs = hget(P .. 'p:' .. f[1], 'vs')}) and '1'
                        or '0'
            local look = hget(P .. 'p:' .. f[1], 'emh')
            sup = look and hget(P .. 'sup', 'email:' .. look) or ''
        end
        local names = {'arm', 'ep', 'gpc', 'tier', 'bot', 'ord', 'opt'}
        local got = redis.call('HMGET', P .. 'v:' .. (f[2] or ''),
                               unpack(names))
        local v = {}
        for i, n in ipairs(names) do
            v[#v + 1] = n
            v[#v + 1] = got[i] or ''
        end
        return {'job', jid, fmt(now), redis.call('HGETALL', j), p, v, sup}
    end
end

return {'more'}
