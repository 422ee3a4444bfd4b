-- What every script shares.  KEYS[1] is cr:{SITE}:in; all other keys of the
-- site are derived from it and lie in the same slot.  Times are Unix ms of
-- Redis' own clock.  Nothing here fails half way: input is checked before the
-- first write.

local P = string.sub(KEYS[1], 1, -3)
local DAY = 86400000
local HOUR = 3600000
local KEEP_V, KEEP_P, KEEP_J = 30 * DAY, 90 * DAY, 90 * DAY
local KEEP_ANON = 7 * DAY
local KEEP_OUT = 30 * DAY
local KEEP_HOOK = 8 * DAY       -- longer than old news is believed
local DEAD_MAX = 10000
local COOL = HOUR              -- after an order no cart opens a journey
local OPEN = {anon = 1, wait = 1, run = 1, holdout = 1}
local TERMINAL = {purchased = 1, unsub = 1, complaint = 1, bounced = 1,
                  replied = 1, erased = 1, operator = 1}
local FINAL = {unsub = 1, complaint = 1, bounced = 1, erased = 1}
local ADDRESS = {email = 'emh', phone = 'phh'}
local STAGE = {none = 0, browse = 1, product = 2, cart = 3, checkout = 4,
               contact = 5, shipping = 6, payment = 7, ordered = 8}


local function fmt(n)
    return string.format('%.0f', n)
end


local function clock()
    local t = redis.call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000)
end


local function num(x)
    x = tonumber(x)
    if x == nil or x ~= x or x >= 9e15 or x <= -9e15 then
        return nil
    end
    return x
end


local function str(x, max)
    if type(x) ~= 'string' or x == '' or #x > (max or 64) then
        return nil
    end
    return x
end


local function hex32(x)
    return type(x) == 'string' and #x == 32
           and string.find(x, '^[0-9a-f]+$') ~= nil
end


local function hget(key, field)
    local x = redis.call('HGET', key, field)
    return x or nil
end


-- A hash as a table; empty when there is none.

local function load(key)
    local r, t = redis.call('HGETALL', key), {}
    for i = 1, #r, 2 do
        t[r[i]] = r[i + 1]
    end
    return t
end


local function set(key, ttl, ...)
    redis.call('HSET', key, ...)
    redis.call('PEXPIRE', key, fmt(ttl))
end


-- Outcomes and audit, trimmed by age.  It names journeys, never persons.

local function out(now, what, jid, ...)
    redis.call('XADD', P .. 'out', 'MINID', '~', fmt(now - KEEP_OUT), '*',
               't', what, 'j', jid, ...)
end


local function dead(why, payload)
    redis.call('XADD', P .. 'dead', 'MAXLEN', '~', DEAD_MAX, '*',
               'why', why, 'd', string.sub(payload or '', 1, 6144))
end


-- "EPOCH-COUNTER" compared as two numbers; 1 when a is the newer one.

local function newer(a, b)
    if not b or b == '' then
        return true
    end
    local ae, ac = string.match(a or '', '^(%d+)%-(%d+)$')
    local be, bc = string.match(b, '^(%d+)%-(%d+)$')
    if not ae then
        return false
    end
    if not be then
        return true
    end
    ae, ac, be, bc = tonumber(ae), tonumber(ac), tonumber(be), tonumber(bc)
    return ae > be or (ae == be and ac > bc)
end


-- Ends an open journey and frees whoever points at it.  Answers the attempt
-- of its current step: "sending" means that one message is in flight.

local function finish(now, jid, why, by)
    local j = P .. 'j:' .. jid
    local f = redis.call('HMGET', j, 'st', 'step', 'pid', 'gen')
    if not f[1] or not OPEN[f[1]] then
        return nil
    end
    local att = hget(j, 'a' .. (f[2] or '0')) or 'none'
    set(j, KEEP_J, 'st', why, 'by', by or '', 'end', fmt(now))
    redis.call('ZREM', P .. 'due', jid)
    if att ~= 'sending' then
        redis.call('ZREM', P .. 'lease', jid)
    end
    out(now, 'end', jid, 'st', why, 'from', f[1], 'step', f[2] or '0',
        'by', by or '', 'att', att)
    return att
end


-- Suppresses an address: for ever, and without the address.

local function suppress(now, chan, look, why)
    if look and look ~= '' then
        redis.call('HSETNX', P .. 'sup', chan .. ':' .. look,
                   why .. ' ' .. fmt(now))
    end
end


-- A person that was merged into another points at it, and that one perhaps at
-- a third.  An alias always points at an older person: there is no circle.

local function person(pid)
    for _ = 1, 32 do
        local to = hget(P .. 'p:' .. pid, 'alias')
        if not to then
            break
        end
        pid = to
    end
    return pid
end


-- Ends a person's journey, and those of each browser it was seen in; with an
-- order, marks it; with an opt-out, withdraws consent and suppresses the
-- addresses of the channel ("all": each one).

local function stop_person(now, at, pid, why, chan, by)
    local p = P .. 'p:' .. pid
    local f = redis.call('HMGET', p, 'jid', 'emh', 'phh', 'ord', 'vs')
    local att = f[1] and finish(now, f[1], why, by)
    for vid in string.gmatch(f[5] or '', '%x+') do
        local jid = hget(P .. 'v:' .. vid, 'jid')
        local a = jid and finish(now, jid, why, by)
        att = (a == 'sending' and a) or att or a
    end
    if why == 'purchased' then
        if at > (num(f[4]) or 0) then
            set(p, KEEP_P, 'ord', fmt(at))
        end
    elseif FINAL[why] then
        local look = {email = f[2], phone = f[3]}
        for c, l in pairs(look) do
            if l and (chan == 'all' or chan == c) then
                suppress(now, c, l, why)
            end
        end
        if chan == 'all' then
            set(p, KEEP_P, 'c:email', '0 ' .. fmt(now) .. ' ' .. why,
                'c:phone', '0 ' .. fmt(now) .. ' ' .. why)
        else
            set(p, KEEP_P, 'c:' .. chan, '0 ' .. fmt(now) .. ' ' .. why)
        end
    end
    return att
end


-- The same by visitor: its journey, each person that it was, and the person
-- whose restore link it opened.  What is folded later finds the mark.

local function stop_visitor(now, at, vid, why, chan, by)
    local v = P .. 'v:' .. vid
    local f = redis.call('HMGET', v, 'jid', 'pids', 'rj', 'ord')
    local att, a
    if why == 'purchased' then
        if at > (num(f[4]) or 0) then
            set(v, KEEP_V, 'ord', fmt(at))
        end
    elseif FINAL[why] then
        set(v, KEEP_V, 'opt', fmt(at), 'optwhy', why, 'optchan', chan)
    end
    if f[1] then
        att = finish(now, f[1], why, by)
    end
    for pid in string.gmatch(f[2] or '', '%x+') do
        a = stop_person(now, at, person(pid), why, chan, by)
        att = (a == 'sending' and a) or att or a
    end
    if f[3] then
        local pid = hget(P .. 'j:' .. f[3], 'pid')
        a = nil
        if pid and pid ~= '' then
            a = stop_person(now, at, person(pid), why, chan, by)
        else
            a = finish(now, f[3], why, by)
        end
        att = (a == 'sending' and a) or att or a
    end
    return att
end


-- The same by an address' look-up.  An order by somebody who is nobody yet is
-- remembered for the contact that may be folded later.

local function stop_address(now, look, why, chan, by)
    local att, a
    for c in pairs(ADDRESS) do
        if chan == 'all' or chan == c or why == 'purchased' then
            local pid = redis.call('GET', P .. 'ix:' .. c .. ':' .. look)
            if FINAL[why] then
                suppress(now, c, look, why)
            end
            if pid then
                a = stop_person(now, now, person(pid), why, chan, by)
                att = (a == 'sending' and a) or att or a
            elseif why == 'purchased' then
                redis.call('SET', P .. 'ord:' .. c .. ':' .. look, fmt(now),
                           'PX', fmt(KEEP_V))
            end
        end
    end
    return att
end


-- Goes on to the next touch, or ends the journey: the only place that chains
-- the schedule.  plan = "GAP AFTER1 AFTER2 ..." in ms.

local function advance(now, jid, f, plan)
    local j = P .. 'j:' .. jid
    local step = (num(f.step) or 0) + 1
    local after, n, gap = nil, 0, 0
    for w in string.gmatch(plan, '%d+') do
        if n == 0 then
            gap = tonumber(w)
        elseif n == step then
            after = tonumber(w)
        end
        n = n + 1
    end
    redis.call('ZREM', P .. 'lease', jid)
    if not OPEN[f.st] then
        return 'stopped'
    end
    if not after then
        finish(now, jid, 'done', 'plan')
        return 'done'
    end
    local due = (num(f.t0) or now) + after
    local last = num(f.last)
    if last and f.st == 'run' and due < last + gap then
        due = last + gap
    end
    if due > now + after + gap then
        due = now + after + gap
    end
    set(j, KEEP_J, 'step', fmt(step), 'att', '0', 'plan', fmt(due))
    redis.call('ZADD', P .. 'due', fmt(due), jid)
    return 'next'
end


-- May messages leave?  nil, or why not.  Every registered node must be heard,
-- with nothing spooled, and have been so for `settle` ms; each worker must have
-- told its journal to this run of Redis.

local function observers(now, settle, run)
    local ctl, why = load(P .. 'ctl'), nil
    local nodes = redis.call('HKEYS', P .. 'nodes')
    if ctl.run ~= run then
        return 'journal'
    end
    if ctl.observers == 'webhook' then
        return nil
    end
    if #nodes == 0 then
        why = 'nodes'
    end
    for _, node in ipairs(nodes) do
        local hb = redis.call('GET', P .. 'hb:' .. node)
        local ok, h = pcall(cjson.decode, hb or '')
        if not hb or not ok or type(h) ~= 'table' then
            why = 'silent'
        else
            local at, last = num(h.at), num(ctl['at:' .. node])
            if (num(h.spool) or 0) ~= 0 then
                why = 'spool'
            end
            if at and last and at - last > 30000 then
                why = why or 'gap'
            end
            if at and at ~= last then
                redis.call('HSET', P .. 'ctl', 'at:' .. node, fmt(at))
            end
            if h.mode ~= 'on' then
                why = why or 'mode'
            end
        end
    end
    if why == 'mode' then
        return why
    end
    if why then
        redis.call('HSET', P .. 'ctl', 'blind', fmt(now))
        return why
    end
    if now - (num(ctl.blind) or 0) < settle then
        return 'settle'
    end
    return nil
end


-- Does any browser of this person say Sec-GPC?

local function gpc(p)
    for vid in string.gmatch(p.vs or '', '%x+') do
        if hget(P .. 'v:' .. vid, 'gpc') == '1' then
            return true
        end
    end
    return false
end


-- Times of a person's messages in the last 7 days, oldest first.

local function sends(p, now)
    local t = {}
    for w in string.gmatch(p.sends or '', '%d+') do
        w = tonumber(w)
        if w > now - 7 * DAY then
            t[#t + 1] = w
        end
    end
    return t
end


-- Appends a word to a bounded list of words, once.

local function remember(list, word, max)
    list = list or ''
    if string.find(' ' .. list .. ' ', ' ' .. word .. ' ', 1, true) then
        return list
    end
    list = list == '' and word or list .. ' ' .. word
    local _, n = string.gsub(list, '%S+', '')
    while n > max do
        list = string.gsub(list, '^%S+ ', '', 1)
        n = n - 1
    end
    return list
end


-- Of two consents the newer one; a withdrawal by the person beats both.
-- "1 MS SOURCE SEQ" or "0 MS SOURCE [SEQ]".

local function withdrawn(c)
    local why = string.match(c or '', '^0 %d+ (%a+)')
    return why ~= nil and FINAL[why] ~= nil
end


local function consent(a, b)
    if not a or withdrawn(b) then
        return b
    end
    if not b or withdrawn(a) then
        return a
    end
    return newer(string.match(b, '(%S+)$'), string.match(a, '(%S+)$'))
           and b or a
end


-- Of a person's two journeys the one with the newer cart stays.

local function one_journey(now, pid, a, b, why)
    local fa = redis.call('HMGET', P .. 'j:' .. a, 'st', 'cartat')
    local fb = redis.call('HMGET', P .. 'j:' .. b, 'st', 'cartat')
    if a == b or not fb[1] or not OPEN[fb[1]] then
        return a
    end
    if not fa[1] or not OPEN[fa[1]] then
        return b
    end
    local keep, drop = a, b
    if (num(fb[2]) or 0) > (num(fa[2]) or 0) then
        keep, drop = b, a
    end
    finish(now, drop, 'expired', why)
    return keep
end


local function merge(now, a, b)
    local pa, pb = load(P .. 'p:' .. a), load(P .. 'p:' .. b)
    if a == b or not pb.born then
        return a
    end
    if not pa.born or num(pb.born) < num(pa.born)
       or (pb.born == pa.born and b < a)
    then
        a, b, pa, pb = b, a, pb, pa
    end

    local k, t = P .. 'p:' .. a, {}
    for _, f in ipairs({'em', 'emh', 'ph', 'phh', 'emseq', 'loc', 'cc', 'arm',
                        'ep', 'jid'}) do
        if not pa[f] and pb[f] then
            t[#t + 1] = f
            t[#t + 1] = pb[f]
        end
    end
    for c, look in pairs(ADDRESS) do
        local x, said = pa['c:' .. c], pb['c:' .. c]
        -- a yes was given for an address: it does not pass to another one
        if pa[look] == pb[look] or not pa[look]
           or string.sub(said or '', 1, 1) ~= '1'
        then
            x = consent(x, said)
        end
        if x then
            t[#t + 1] = 'c:' .. c
            t[#t + 1] = x
        end
    end
    for _, f in ipairs({'ord', 'last'}) do
        local x = math.max(num(pa[f]) or 0, num(pb[f]) or 0)
        if x > 0 then
            t[#t + 1] = f
            t[#t + 1] = fmt(x)
        end
    end
    local all = sends(pa, 0)
    for _, x in ipairs(sends(pb, 0)) do
        all[#all + 1] = x
    end
    table.sort(all)
    for i, x in ipairs(all) do
        all[i] = fmt(x)
    end
    set(k, KEEP_P, 'sends', table.concat(all, ' '), 'merged', '1', unpack(t))

    local jid = pa.jid or pb.jid
    if pa.jid and pb.jid then
        jid = one_journey(now, a, pa.jid, pb.jid, 'merged')
    end
    if jid then
        redis.call('HSET', k, 'jid', jid)
        if redis.call('EXISTS', P .. 'j:' .. jid) == 1 then
            redis.call('HSET', P .. 'j:' .. jid, 'pid', a)
        end
    end

    local js, vs = pa.js or '', pa.vs or ''
    for w in string.gmatch(pb.js or '', '%x+') do
        js = remember(js, w, 16)
    end
    for w in string.gmatch(pb.vs or '', '%x+') do
        vs = remember(vs, w, 16)
        if redis.call('EXISTS', P .. 'v:' .. w) == 1 then
            redis.call('HSET', P .. 'v:' .. w, 'pid', a)
        end
    end
    redis.call('HSET', k, 'js', js, 'vs', vs)

    for c, field in pairs(ADDRESS) do
        if pb[field] then
            redis.call('SET', P .. 'ix:' .. c .. ':' .. pb[field], a,
                       'PX', fmt(KEEP_P))
        end
    end
    redis.call('DEL', P .. 'p:' .. b)
    set(P .. 'p:' .. b, KEEP_P, 'alias', a)

    out(now, 'merge', jid or '', 'cross',
        (pa.arm and pb.arm and pa.arm ~= pb.arm) and 1 or 0)
    return a
end
