-- INTENT: the last word before the point of no return.
-- ARGV: 1 jid, 2 gen, 3 step, 4 "go" or "check" (looks, writes nothing), 5
-- channel, 6 address look-up, 7 run id of Redis, 8 latest ms, 9 sending window
-- opens, 10 and closes (ms), 11 minimum gap ms, 12 messages per 7 days, 13
-- settle ms, 14 opt-in (1/0), 15 GPC forbids (1/0), 16 lease ms.
-- Answers {"go", hw} or {word, ms when it may be tried again or "", detail};
-- the words: stopped fenced step dup sup consent paused cap quiet blind late.

local now = clock()
local jid, gen, step, chan, look = ARGV[1], ARGV[2], ARGV[3], ARGV[5], ARGV[6]
local go = ARGV[4] == 'go'
local j = P .. 'j:' .. jid
local f = load(j)
local a = 'a' .. step

if f.st ~= 'run' and (go or f.st ~= 'holdout') then
    return {'stopped', '', f.st or 'gone'}
end
if f.gen ~= gen then
    return {'fenced', '', ''}
end
if f.step ~= step then
    return {'step', '', f.step}
end
if f[a] then
    return {'dup', '', f[a]}
end

local sup = redis.call('HGET', P .. 'sup', chan .. ':' .. look)
if sup then
    return {'sup', '', string.match(sup, '^%a+') or 'unsub'}
end

local pkey = P .. 'p:' .. f.pid
local p = load(pkey)
local c = string.sub(p['c:' .. chan] or '', 1, 1)
if p.emh ~= look then
    return {'consent', '', 'address'}
end
if c == '0' or (c ~= '1' and ARGV[14] == '1') then
    return {'consent', '', c == '0' and 'withdrawn' or 'never'}
end
if ARGV[15] == '1' and gpc(p) then
    return {'consent', '', 'gpc'}
end

local ctl = redis.call('HMGET', P .. 'ctl', 'pause', 'pause:' .. chan)
if ctl[1] or ctl[2] then
    return {'paused', '', ctl[1] or ctl[2]}
end

local last, gap, max = num(p.last), tonumber(ARGV[11]), tonumber(ARGV[12])
local times = sends(p, now)
if last and last + gap > now then
    return {'cap', fmt(last + gap), 'gap'}
end
if max > 0 and #times >= max then
    return {'cap', fmt(times[#times - max + 1] + 7 * DAY), 'week'}
end

if now < tonumber(ARGV[9]) or now >= tonumber(ARGV[10]) then
    return {'quiet', ARGV[9], ''}
end

local why = observers(now, tonumber(ARGV[13]), ARGV[7])
if why == 'mode' then
    return {'paused', '', 'observe'}
end
if why then
    return {'blind', '', why}
end

if now > tonumber(ARGV[8]) then
    return {'late', '', ''}
end

if not go then
    return {'go', '0', ''}
end

local hw = redis.call('INCR', P .. 'hw')
times[#times + 1] = now
for i, t in ipairs(times) do
    times[i] = fmt(t)
end
set(j, KEEP_J, a, 'sending', a .. '.t', fmt(now), 'hw', fmt(hw), 'att', '0')
redis.call('HINCRBY', j, a .. '.n', 1)
set(pkey, KEEP_P, 'last', fmt(now), 'sends', table.concat(times, ' '))
redis.call('ZADD', P .. 'lease', fmt(now + tonumber(ARGV[16])), jid)
return {'go', fmt(hw), ''}
