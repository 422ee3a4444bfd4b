-- INGEST: folds one event of the log into the state, and takes it off the log.
-- ARGV: 1 entry id, 2 t, 3 v, 4 n, 5 seq, 6 e, 7 d, 8 delays "CART CHECKOUT
-- PAYMENT" in ms, 9 open journeys at most, 10 generation and 11 jid for a
-- journey that may have to be opened ("" = none at hand yet).
-- Answers ok, dup, gone (another worker folded it), dead, or "need G": call
-- again with generation G and its jid.
--
-- The final state does not depend on the order of arrival: the time of an
-- event is its entry id, the newest snapshot (seq) wins, and an order, an
-- opt-out or a withdrawal always wins, however late.

local ID, T, VID, SEQ, E, D = ARGV[1], ARGV[2], ARGV[3], ARGV[5], ARGV[6],
                              ARGV[7]
local now = clock()
local at = num(string.match(ID, '^(%d+)')) or now
local V = P .. 'v:' .. VID
local KINDS = {cart = 1, contact = 1, consent = 1, step = 1, order = 1,
               optout = 1, seen = 1, exposure = 1}


local function done(answer)
    redis.call('XACK', KEYS[1], 'w', ID)
    redis.call('XDEL', KEYS[1], ID)
    return answer
end


if #redis.call('XPENDING', KEYS[1], 'w', ID, ID, 1) == 0 then
    return 'gone'
end

local ok, d = pcall(cjson.decode, D)
if not ok or type(d) ~= 'table' or not KINDS[T] or not hex32(VID)
   or #D > 6144 or #SEQ > 40
then
    dead(KINDS[T] and 'payload' or 'type', D)
    return done('dead')
end

local v = load(V)
E = #E <= 64 and string.gsub(E, VID, '') or ''
if E ~= '' and string.find(' ' .. (v.ids or '') .. ' ', ' ' .. E .. ' ', 1,
                           true)
then
    return done('dup')
end


local function delay(stage)
    local c, k, p = string.match(ARGV[8], '^(%d+) (%d+) (%d+)$')
    local s = STAGE[stage or 'none'] or 0
    if s >= STAGE.payment then
        return tonumber(p or 900000)
    elseif s >= STAGE.checkout then
        return tonumber(k or 1800000)
    end
    return tonumber(c or 2700000)
end


local function lines(cart)
    local t = {}
    if type(cart) == 'table' and type(cart.items) == 'table' then
        for _, x in ipairs(cart.items) do
            if type(x) == 'table' then
                t[#t + 1] = tostring(x.r) .. ':' .. tostring(x.q)
            end
        end
    end
    table.sort(t)
    return #t, redis.sha1hex(table.concat(t, ' '))
end


local function is_open(jid)
    local st = jid and hget(P .. 'j:' .. jid, 'st')
    return st and OPEN[st] and st or nil
end


-- Why this visitor gets no journey: one of the persons that it was has ordered,
-- or wants nothing (each of its addresses is suppressed).

local function barred()
    for pid in string.gmatch(v.pids or '', '%x+') do
        local f = redis.call('HMGET', P .. 'p:' .. person(pid), 'ord', 'emh',
                             'phh')
        local ord, why = num(f[1]), nil
        if ord and (num(v.cartat) or 0) <= ord + COOL then
            return 'purchased'
        end
        for c, look in pairs({email = f[2], phone = f[3]}) do
            local sup = look and hget(P .. 'sup', c .. ':' .. look)
            if look and not sup then
                why = nil
                break
            end
            why = sup and string.match(sup, '^%a+') or why
        end
        if why then
            return FINAL[why] and why or 'unsub'
        end
    end
    return nil
end


-- Another browser of this person has a newer cart, be it an empty one.

local function outdated()
    local mine = num(v.cartat) or 0
    local vs = v.pid and hget(P .. 'p:' .. v.pid, 'vs')
    for vid in string.gmatch(vs or '', '%x+') do
        if vid ~= VID
           and (num(hget(P .. 'v:' .. vid, 'cartat')) or 0) > mine
        then
            return true
        end
    end
    return false
end


-- This browser's cart is the person's newest: older ones are not followed up.

local function supersede()
    local jid = v.pid and hget(P .. 'p:' .. v.pid, 'jid')
    if not jid or jid == v.jid or not v.cartat then
        return
    end
    if (num(hget(P .. 'j:' .. jid, 'cartat')) or 0) < num(v.cartat) then
        finish(now, jid, 'expired', 'superseded')
    end
end


-- May this visitor's cart open a journey?  An order closes the door for an
-- hour, and to the same cart for good; so does a journey that ran its course.
-- An opt-out closes it for good.

local function may_open(fresh)
    if (v.items or '0') == '0' or not v.cart or v.opt or barred()
       or outdated()
    then
        return false
    end
    local cartat = num(v.cartat) or 0
    if v.ord and (cartat <= num(v.ord) + COOL or v.cartfp == v.ordfp) then
        return false
    end
    if v.jid then
        local f = redis.call('HMGET', P .. 'j:' .. v.jid, 'st', 'fp', 'by')
        if f[1] and OPEN[f[1]] then
            return false
        end
        if f[1] and f[2] == v.cartfp and f[3] ~= 'superseded'
           and not (fresh and (f[1] == 'nocontact' or f[1] == 'noconsent'))
        then
            return false
        end
    end
    return true
end


-- What an event may set off is known before anything is written: the worker
-- is asked for a journey id first.

local function need()
    if is_open(v.jid) or (T ~= 'cart' and T ~= 'contact') then
        return nil
    end
    local g = (num(v.gen) or 0) + 1
    if ARGV[11] == '' or ARGV[10] ~= fmt(g) then
        return 'need ' .. fmt(g)
    end
end


local function put(field, value)
    v[field] = value
    redis.call('HSET', V, field, value)
end


-- Activity: the wait begins anew; a touch that is due waits for the shopper to
-- leave again; a claim without intent loses its hold.

local function active(jid)
    local j = P .. 'j:' .. jid
    local f = redis.call('HMGET', j, 'st', 'act', 'stage', 'step', 'gen',
                         'plan')
    if not f[1] or not OPEN[f[1]] then
        return
    end
    local act, stage = num(f[2]) or 0, f[3] or 'none'
    if at > act then
        act = at
    end
    if (STAGE[v.stage or 'none'] or 0) > (STAGE[stage] or 0) then
        stage = v.stage
    end
    redis.call('HSET', j, 'act', fmt(act), 'stage', stage)

    local due = act + delay(stage)
    local held = redis.call('ZSCORE', P .. 'lease', jid)
    if f[1] == 'run' or f[1] == 'holdout' then
        if hget(j, 'a' .. f[4]) then
            return
        end
        local cur = num(redis.call('ZSCORE', P .. 'due', jid) or f[6]) or due
        if held and due <= now then
            return
        end
        due = math.max(cur, due)
    end
    if held then
        redis.call('ZREM', P .. 'lease', jid)
        redis.call('HINCRBY', j, 'gen', 1)
    end
    redis.call('ZADD', P .. 'due', fmt(due), jid)
end


-- The journey shows the newest cart.

local function show(jid)
    redis.call('HSET', P .. 'j:' .. jid, 'cart', v.cart, 'total',
               v.total or '', 'cur', v.cur or '', 'loc', v.loc or '', 'fp',
               v.cartfp, 'cartat', v.cartat, 'items', v.items, 'bot',
               v.bot or '0', 'score', v.score or '')
end


-- A person has one open journey, and it is the newest cart's.  False when the
-- one at hand is the older.

local function claim_person(jid)
    local p = P .. 'p:' .. v.pid
    local why = barred()
    if why or outdated() then
        finish(now, jid, why or 'expired', why and 'person' or 'superseded')
        return
    end
    local f = redis.call('HMGET', p, 'jid', 'js')
    local keep = jid
    if f[1] and f[1] ~= jid then
        keep = one_journey(now, v.pid, jid, f[1], 'superseded')
    end
    set(p, KEEP_P, 'jid', keep, 'js', remember(f[2], jid, 16))
    local j = P .. 'j:' .. jid
    redis.call('HSET', j, 'pid', v.pid)
    redis.call('PEXPIRE', j, fmt(KEEP_J))
    if hget(j, 'st') == 'anon' then
        redis.call('HSET', j, 'st', 'wait')
    end
end


local function open(fresh)
    if not may_open(fresh)
       or redis.call('ZCARD', P .. 'due') >= (num(ARGV[9]) or 1e6)
    then
        return
    end
    local jid = ARGV[11]
    local j = P .. 'j:' .. jid
    set(j, KEEP_ANON, 'st', 'anon', 'step', '0', 'gen', '0', 'att', '0',
        'vid', VID, 'pid', '', 'opened', fmt(at), 'act', v.act or fmt(at),
        'stage', v.stage or 'cart', 'arm', v.arm or '', 'ep', v.ep or '')
    put('jid', jid)
    put('gen', ARGV[10])
    show(jid)
    out(now, 'open', jid, 'stage', v.stage or 'cart')
    active(jid)
    if v.pid then
        claim_person(jid)
    end
end


-- What every event may carry.

local function common_fields()
    if T == 'exposure' or T == 'consent' or T == 'order' or T == 'optout' then
        return
    end
    local stage = STAGE[d.stage] and d.stage or (T == 'contact' and 'contact')
    if not v.act or at > num(v.act) + DAY then
        put('stage', stage or 'none')
    elseif stage and STAGE[stage] > (STAGE[v.stage or 'none'] or 0) then
        put('stage', stage)
    end
    if at > (num(v.act) or 0) then
        put('act', fmt(at))
    end
end


local function arm_fields()
    if d.arm ~= 'treat' and d.arm ~= 'holdout' then
        return
    end
    if newer(SEQ, v.armseq) then
        put('arm', d.arm)
        put('ep', fmt(num(d.ep) or 0))
        put('armseq', SEQ)
        if is_open(v.jid) then
            redis.call('HSET', P .. 'j:' .. v.jid, 'arm', v.arm, 'ep', v.ep)
        end
    end
end


local function fold_cart()
    if newer(SEQ, v.cartseq) then
        local n, fp = lines(d)
        local total = num(d.total)
        put('cart', string.sub(D, 1, 4096) == D and D or '{}')
        put('cartseq', SEQ)
        put('cartat', fmt(at))
        put('cartfp', fp)
        put('items', fmt(n))
        put('total', total and fmt(total) or '')
        put('cur', str(d.cur, 3) or '')
        put('loc', str(d.loc, 8) or v.loc or '')
        put('score', num(d.score) and tostring(d.score) or '')
        if v.ord and at <= num(v.ord) + COOL and n > 0 then
            put('ordfp', fp)
        end
    end
    if num(d.bot) == 1 then
        put('bot', '1')
    end
    supersede()
    if is_open(v.jid) then
        show(v.jid)
        active(v.jid)
        if v.pid then
            claim_person(v.jid)
        end
    else
        open(false)
    end
end


-- The person behind an address; two addresses of one event are one person.

local function find_person(emh, phh)
    local e = emh and redis.call('GET', P .. 'ix:email:' .. emh)
    local p = phh and redis.call('GET', P .. 'ix:phone:' .. phh)
    e, p = e and person(e), p and person(p)
    if e and p and e ~= p then
        return merge(now, e, p)
    end
    if e or p then
        return e or p
    end
    if v.pid then
        local f = redis.call('HMGET', P .. 'p:' .. v.pid, 'emh', 'phh')
        if not (emh and f[1]) and not (phh and f[2]) then
            return v.pid
        end
    end
    return emh or phh
end


local function fold_addresses(p, pid, emh, phh)
    local k = P .. 'p:' .. pid
    redis.call('HSETNX', k, 'born', fmt(at))
    if emh and (emh == p.emh or newer(SEQ, p.emseq)) then
        redis.call('HSET', k, 'em', d.em, 'emh', emh, 'emseq', SEQ)
        if p.emh and p.emh ~= emh and not withdrawn(p['c:email']) then
            redis.call('HDEL', k, 'c:email')
            p['c:email'] = nil
        end
    end
    if phh and (phh == p.phh or newer(SEQ, p.phseq)) then
        redis.call('HSET', k, 'ph', d.ph, 'phh', phh, 'phseq', SEQ)
    end
    for c, look in pairs({email = emh, phone = phh}) do
        redis.call('SET', P .. 'ix:' .. c .. ':' .. look, pid,
                   'PX', fmt(KEEP_P))
    end
    if type(d.cons) == 'table' then
        for c in pairs(ADDRESS) do
            local x = num(d.cons[c] or d.cons[c == 'phone' and 'sms' or c])
            if x then
                x = (x == 1 and '1 ' or '0 ') .. fmt(at) .. ' '
                    .. (str(d.src, 24) or 'form') .. ' - ' .. SEQ
                redis.call('HSET', k, 'c:' .. c, consent(p['c:' .. c], x))
            end
        end
    end
    redis.call('HSETNX', k, 'loc', str(d.loc, 8) or v.loc or '')
    if str(d.cc, 3) then
        redis.call('HSET', k, 'cc', d.cc)
    end
end


local function fold_contact()
    local emh = hex32(d.emh) and str(d.em, 400) and d.emh or nil
    local phh = hex32(d.phh) and str(d.ph, 400) and d.phh or nil
    if not emh and not phh then
        return
    end

    local pid = find_person(emh, phh)
    local k = P .. 'p:' .. pid
    fold_addresses(load(k), pid, emh, phh)
    local p = load(k)
    set(k, KEEP_P, 'vs', remember(p.vs, VID, 16))

    put('pids', remember(v.pids, pid, 8))

    -- what came before its person was known

    if v.opt then
        stop_person(now, num(v.opt), pid, v.optwhy or 'unsub',
                    v.optchan or 'all', 'late')
    end
    local ord = num(v.ord) or 0
    for c, look in pairs({email = emh, phone = phh}) do
        ord = math.max(ord, num(redis.call('GET', P .. 'ord:' .. c .. ':'
                                           .. look) or 0) or 0)
    end
    if ord > 0 and at <= ord + COOL then
        stop_person(now, ord, pid, 'purchased', 'all', 'late')
    end

    local why = is_open(v.jid) and barred()
    if why then
        finish(now, v.jid, why, 'person')
    end
    if not newer(SEQ, v.pidseq) then
        return
    end
    put('pid', pid)
    put('pidseq', SEQ)

    local arm = v.arm
    if p.arm and arm and p.arm ~= arm then
        out(now, 'cross', v.jid or '', 'person', p.arm, 'visitor', arm)
    elseif arm and not p.arm then
        redis.call('HSET', k, 'arm', arm, 'ep', v.ep or '0')
    end

    supersede()
    if is_open(v.jid) then
        claim_person(v.jid)
        active(v.jid)
    else
        open(true)
    end
end


local function fold_step()
    if d.ev == 'restored' and hex32(d.j) then
        local pid = hget(P .. 'j:' .. d.j, 'pid')
        if pid then
            put('rj', d.j)
            if v.ord and at <= num(v.ord) + COOL then
                stop_visitor(now, num(v.ord), VID, 'purchased', 'all', E)
            elseif v.opt and at <= num(v.opt) + COOL then
                stop_visitor(now, num(v.opt), VID, v.optwhy, v.optchan, E)
            else
                redis.call('HINCRBY', P .. 'j:' .. d.j, 'restored', 1)
                out(now, 'restored', d.j)
                active(d.j)
            end
        end
    end
    if str(d.reason, 24) and is_open(v.jid) then
        redis.call('HSET', P .. 'j:' .. v.jid, 'reason', d.reason)
    end
    if is_open(v.jid) then
        active(v.jid)
    end
    if v.rj and d.ev ~= 'restored' and is_open(v.rj) then
        active(v.rj)
    end
end


-- The path and the shop's webhook tell of one order: by its number, or the one
-- and then the other by the same person and amount within the hour.  True when
-- it was told before.  A mark is "MS SOURCE AMOUNT NUMBER", and goes when the
-- other source has spoken.

local function same_order(m, mine)
    local at, src, amount, id = string.match(m or '',
                                             '^(%S+) (%S+) (%S+) (.+)$')
    if not at then
        return false
    elseif id == mine.id and id ~= '-' then
        return true
    end
    return src ~= mine.src and math.abs(num(at) - mine.at) <= HOUR
           and (amount == '-' or mine.amount == '-' or amount == mine.amount)
           and (id == '-' or mine.id == '-' or #id ~= #mine.id)
end


local function order_told(when, looks)
    local total, id, told = num(d.total), str(d.id, 64) or '-', false
    local mine = {at = when, src = d.src == 'hook' and 'hook' or 'path',
                  id = id, amount = '-'}
    if total then
        mine.amount = fmt(total) .. (str(d.cur, 3) or '')
    end
    local mark = table.concat({fmt(when), mine.src, mine.amount, id}, ' ')
    if id ~= '-' then
        told = not redis.call('SET', P .. 'on:' .. redis.sha1hex(id), '1', 'NX',
                              'PX', fmt(KEEP_J))
    end
    local places = {P .. 'om:v:' .. VID}
    for c, look in pairs(looks) do
        places[#places + 1] = P .. 'om:' .. c .. ':' .. look
    end
    local met
    for _, k in ipairs(places) do
        local m = redis.call('GET', k) or nil
        met = met or (same_order(m, mine) and m) or nil
    end
    for _, k in ipairs(places) do
        if met and redis.call('GET', k) == met then
            redis.call('DEL', k)
        elseif not met and not told then
            redis.call('SET', k, mark, 'PX', fmt(HOUR))
        end
    end
    return told or met ~= nil
end


local function fold_order()
    local when = num(d.at)
    when = (when and when > at and when < at + HOUR) and when or at
    stop_visitor(now, when, VID, 'purchased', 'all', E)
    v = load(V)
    if v.cartfp and (num(v.cartat) or 0) <= num(v.ord) + COOL then
        put('ordfp', v.cartfp)
    end

    local looks, who = {}, v.pid and person(v.pid)
    for c, field in pairs(ADDRESS) do
        local look = d[field]
        if hex32(look) then
            local pid = redis.call('GET', P .. 'ix:' .. c .. ':' .. look)
            if pid then
                who = who or person(pid)
                stop_person(now, when, person(pid), 'purchased', 'all', E)
            end
            redis.call('SET', P .. 'ord:' .. c .. ':' .. look, fmt(when),
                       'PX', fmt(KEEP_V))
            looks[c] = look
        end
    end

    local p = who and load(P .. 'p:' .. who) or {}
    for c, field in pairs(ADDRESS) do
        looks[c] = looks[c] or p[field]
    end
    if order_told(when, looks) then
        return
    end
    local total = num(d.total)
    out(now, 'order', v.jid or v.rj or p.jid or '', 'total',
        total and fmt(total) or '', 'cur', str(d.cur, 3) or '', 'src',
        str(d.src, 16) or '', 'arm', v.arm or p.arm or '')
end


local function fold_optout()
    local chan = str(d.chan, 16) or 'all'
    if chan ~= 'all' and not ADDRESS[chan] then
        chan = 'phone'
    end
    stop_visitor(now, at, VID, 'unsub', chan, E)
end


local function fold_consent()
    if newer(SEQ, v.tierseq) then
        put('tierseq', SEQ)
        put('tier', str(d.tier, 4) or '')
        put('gpc', num(d.gpc) == 1 and '1' or '0')
    end
end


local function fold_seen()
    for _, jid in ipairs({v.jid or '', v.rj or ''}) do
        if jid ~= '' and is_open(jid) then
            active(jid)
        end
    end
end


local function fold_exposure()
    out(now, 'exposure', v.jid or '', 'what', str(d.what, 24) or '', 'arm',
        str(d.arm, 8) or '', 'ep', fmt(num(d.ep) or 0), 'trigger',
        str(d.trigger, 24) or '')
end


local wanted = need()
if wanted then
    return wanted
end

if v.pid then
    v.pid = person(v.pid)
end
common_fields()
arm_fields()

if T == 'cart' then
    fold_cart()
elseif T == 'contact' then
    fold_contact()
elseif T == 'step' then
    fold_step()
elseif T == 'order' then
    fold_order()
elseif T == 'optout' then
    fold_optout()
elseif T == 'consent' then
    fold_consent()
elseif T == 'seen' then
    fold_seen()
else
    fold_exposure()
end

if E ~= '' then
    redis.call('HSET', V, 'ids', remember(v.ids, E, 16))
end
redis.call('PEXPIRE', V, fmt(KEEP_V))

return done('ok')
