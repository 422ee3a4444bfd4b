-- HOOK: one delivery of a shop's webhook.  It is remembered, so that it counts
-- once; an order stops what runs; then what it says joins the ingest log.
-- ARGV: 1 delivery (32 hex digits, made of signed bytes), 2 visitor ("" = not
-- said), 3 the visitor to speak of where none is known, 4 e-mail and 5 phone
-- look-up ("" = none), 6 why ("purchased", or "": no order), 7 node, then t,
-- seq, e, d of each event.
-- Answers "dup" (nothing was done), else what STOP answers.

local once, vid, why, node = ARGV[1], ARGV[2], ARGV[6], ARGV[7]
local looks = {email = ARGV[4], phone = ARGV[5]}

if not hex32(once) or not hex32(ARGV[3]) or (vid ~= '' and not hex32(vid))
   or (why ~= '' and why ~= 'purchased') or #ARGV < 7 or (#ARGV - 7) % 4 ~= 0
then
    return redis.error_reply('ERR HOOK: arguments')
end

if not redis.call('SET', P .. 'hk:' .. once, '1', 'NX', 'PX', fmt(KEEP_HOOK))
then
    return 'dup'
end

local now, known = clock(), vid ~= ''

for c, look in pairs(looks) do
    local pid = vid == '' and hex32(look)
                and redis.call('GET', P .. 'ix:' .. c .. ':' .. look)
    local jid = pid and hget(P .. 'p:' .. person(pid), 'jid')
    vid = jid and hget(P .. 'j:' .. jid, 'vid') or vid
end

if vid == '' then
    vid = ARGV[3]
    known = redis.call('EXISTS', P .. 'v:' .. vid) == 1
else
    known = true
end

local att, a
if why ~= '' then
    att = stop_visitor(now, now, vid, why, 'all', 'hook')
    for _, look in pairs(looks) do
        if hex32(look) then
            a = stop_address(now, look, why, 'all', 'hook')
            att = (a == 'sending' and a) or att or a
        end
    end
end

-- a step of nobody that is known says nothing

for i = 8, #ARGV, 4 do
    if ARGV[i] ~= 'step' or known then
        redis.call('XADD', KEYS[1], '*', 't', ARGV[i], 'v', vid, 'n', node,
                   'seq', ARGV[i + 1], 'e', ARGV[i + 2], 'd', ARGV[i + 3])
    end
end

return att or 'none'
