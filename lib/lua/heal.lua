-- HEAL: a worker and a run of Redis meet for the first time.
-- ARGV: mode, worker, run id, then by mode
--   look:                     {epoch or "", hw, ctl run or "", last beat or ""}
--   replay: jid, step, ...    intents of the journal that this Redis may have
--                             lost: what is empty becomes "unknown"; answers
--                             how many
--   done: epoch, hw, pause    hw rises to the journal's; a pause ("" = none)
--                             holds the site until `cartrecover resume`.
--                             Answers {"open", epoch}, or {"wait", epoch}
--                             while the journal of another worker is missing;
--                             of two that begin at once the first one's epoch
--                             stands

local now = clock()
local mode, worker, run = ARGV[1], ARGV[2], ARGV[3]
local ctl = P .. 'ctl'

if mode == 'look' then
    local f = redis.call('HMGET', ctl, 'epoch', 'run', 'w:' .. worker)
    return {f[1] or '', redis.call('GET', P .. 'hw') or '0', f[2] or '',
            f[3] or ''}
end

if mode == 'replay' then
    local n = 0
    for i = 4, #ARGV - 1, 2 do
        local j, a = P .. 'j:' .. ARGV[i], 'a' .. ARGV[i + 1]
        local f = redis.call('HMGET', j, 'st', a)
        if f[1] and not f[2] then
            redis.call('HSET', j, a, 'unknown', a .. '.t', fmt(now))
            out(now, 'touch', ARGV[i], 'step', ARGV[i + 1], 'o', 'unknown',
                'ref', 'journal')
            n = n + 1
        end
    end
    return n
end

local epoch, hw, pause = ARGV[4], num(ARGV[5]) or 0, ARGV[6]

if hw > (num(redis.call('GET', P .. 'hw')) or 0) then
    redis.call('SET', P .. 'hw', fmt(hw))
end
redis.call('HSETNX', ctl, 'epoch', epoch)
redis.call('HSET', ctl, 'healed:' .. worker, run)
epoch = hget(ctl, 'epoch')
if pause ~= '' then
    redis.call('HSET', ctl, 'pause', pause .. ' ' .. fmt(now))
end

-- A worker that was gone ten minutes before the others is not waited for

local f, newest = load(ctl), 0
f['w:' .. worker] = f['w:' .. worker] or fmt(now)
for k, x in pairs(f) do
    if string.sub(k, 1, 2) == 'w:' then
        newest = math.max(newest, num(x) or 0)
    end
end
for k, x in pairs(f) do
    if string.sub(k, 1, 2) == 'w:' then
        local id = string.sub(k, 3)
        if (num(x) or 0) < newest - 600000 then
            redis.call('HDEL', ctl, k, 'healed:' .. id)
        elseif f['healed:' .. id] ~= run then
            return {'wait', epoch}
        end
    end
end

redis.call('HSET', ctl, 'run', run)
return {'open', epoch}
