-- REAP: each second and worker: ends leases whose owner is gone, looks at the
-- observers, tells the figures.
-- ARGV: worker, run id, plan ("GAP AFTER1 ...", "" without a policy: nothing is
-- reaped then), settle ms, horizon ms (no due lies further ahead), limit.
-- Answers {now, reaped, unknown, poisoned, why the gate is closed or "", due,
-- lease, first due or "", entries in the log, hw}.

local now = clock()
local plan, horizon = ARGV[3], tonumber(ARGV[5])
local reaped, unknown, poison = 0, 0, 0
local due, lease = P .. 'due', P .. 'lease'


local function reap(jid)
    local j = P .. 'j:' .. jid
    local f = load(j)
    redis.call('ZREM', lease, jid)
    if not f.st then
        return
    end
    redis.call('HINCRBY', j, 'gen', 1)

    local a = 'a' .. (f.step or '0')
    local state = f[a]
    reaped = reaped + 1

    if state == 'sending' then
        unknown = unknown + 1
        set(j, KEEP_J, a, 'unknown')
        out(now, 'touch', jid, 'step', f.step, 'o', 'unknown', 'arm',
            f.arm or '')
        state = 'unknown'
    end
    if not OPEN[f.st] then
        return
    end
    if state then
        f.last = f.pid and hget(P .. 'p:' .. f.pid, 'last')
        advance(now, jid, f, plan)
        return
    end
    if redis.call('HINCRBY', j, 'att', 1) < 3 then
        redis.call('ZADD', due, fmt(now), jid)
        return
    end

    poison = poison + 1
    dead('poison', jid .. '.' .. (f.step or '0'))
    if f.st == 'anon' or f.st == 'wait' then
        finish(now, jid, 'operator', 'poison')
        return
    end
    set(j, KEEP_J, a, 'skip:poison')
    out(now, 'touch', jid, 'step', f.step, 'o', 'skip:poison')
    advance(now, jid, f, plan)
end


if plan ~= '' then
    local limit = tonumber(ARGV[6])
    for _, jid in ipairs(redis.call('ZRANGEBYSCORE', lease, '-inf', fmt(now),
                                    'LIMIT', 0, limit)) do
        reap(jid)
    end

    -- Redis' clock was set back: nothing waits longer than any plan

    for _, jid in ipairs(redis.call('ZRANGEBYSCORE', lease,
                                    fmt(now + HOUR), '+inf',
                                    'LIMIT', 0, limit)) do
        redis.call('ZADD', lease, fmt(now), jid)
    end
    for _, jid in ipairs(redis.call('ZRANGEBYSCORE', due,
                                    '(' .. fmt(now + horizon), '+inf',
                                    'LIMIT', 0, limit)) do
        redis.call('ZADD', due, fmt(now + horizon), jid)
        redis.call('HSET', P .. 'j:' .. jid, 'plan', fmt(now + horizon))
    end
end

redis.call('HSET', P .. 'ctl', 'w:' .. ARGV[1], fmt(now))

local why = observers(now, tonumber(ARGV[4]), ARGV[2]) or ''
local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')

return {fmt(now), reaped, unknown, poison, why, redis.call('ZCARD', due),
        redis.call('ZCARD', lease), first[2] or '',
        redis.call('XLEN', KEYS[1]), redis.call('GET', P .. 'hw') or '0'}
