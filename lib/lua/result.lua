-- RESULT: what became of an attempt.
-- ARGV: 1 jid, 2 gen, 3 step, 4 outcome (sent, refused, unknown, skip:WHY,
-- would_send; "retry": the server said that it holds nothing; "back": nothing
-- was sent and it is nobody's fault), 5 the provider's reference, 6 plan ("GAP
-- AFTER1 ..."), 7 ms of the next try (retry, back).
-- The outcome is written even when the attempt lost its lease: "unknown" may
-- become "sent", "sent" stays.  Answers next, done, retry, late, stopped, none.

local now = clock()
local jid, gen, step, outcome, ref = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local j = P .. 'j:' .. jid
local a = 'a' .. step
local f = load(j)

if not f.st then
    return 'none'
end

local mine = f.gen == gen and f.step == step


-- The message did not leave after all: it does not count against the caps.

local function take_back()
    local pkey = P .. 'p:' .. (f.pid or '')
    local t, p = f[a .. '.t'], load(pkey)
    if f[a] ~= 'sending' or not p.sends then
        return
    end
    local keep = {}
    for w in string.gmatch(p.sends, '%d+') do
        if w ~= t then
            keep[#keep + 1] = w
        end
    end
    redis.call('HSET', pkey, 'sends', table.concat(keep, ' '))
    if #keep > 0 then
        redis.call('HSET', pkey, 'last', keep[#keep])
    else
        redis.call('HDEL', pkey, 'last')
    end
end


-- INTENT counts a try; one that did not come so far is counted here.

if f[a] ~= 'sending' and (outcome == 'retry' or outcome == 'refused'
                          or outcome == 'skip:retries')
then
    redis.call('HINCRBY', j, a .. '.n', 1)
end
if outcome ~= 'sent' and outcome ~= 'unknown' then
    take_back()
end

if outcome == 'retry' or outcome == 'back' then
    if mine and OPEN[f.st] then
        redis.call('HDEL', j, a, a .. '.t')
        redis.call('ZREM', P .. 'lease', jid)
        redis.call('ZADD', P .. 'due', ARGV[7], jid)
        out(now, 'touch', jid, 'step', step, 'o', outcome, 'ref', ref)
        return 'retry'
    end
    if f[a] == 'sending' or f[a] == 'unknown' then
        set(j, KEEP_J, a, 'refused', a .. '.ref', ref)
    end
    if mine then
        redis.call('ZREM', P .. 'lease', jid)
    end
    return mine and 'stopped' or 'late'
end

if f[a] ~= 'sent' then
    set(j, KEEP_J, a, outcome, a .. '.ref', ref)
    if not f[a .. '.t'] then
        redis.call('HSET', j, a .. '.t', fmt(now))
    end
    out(now, 'touch', jid, 'step', step, 'o', outcome, 'ref', ref,
        'arm', f.arm or '')
end

if not mine then
    return 'late'
end

f.last = f.pid and hget(P .. 'p:' .. f.pid, 'last')
return advance(now, jid, f, ARGV[6])
