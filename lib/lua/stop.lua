-- STOP: ends the open journey of a visitor or of an address, at once.
-- ARGV: by (v: visitor id, a: address look-up), subject, why, channel (all,
-- email, phone), e (where it came from, for the audit).
-- Answers the attempt of the journey's current step ("sending": one message
-- is in flight right now), or "none".

local by, subject, why = ARGV[1], ARGV[2], ARGV[3]
local chan, e = ARGV[4] or 'all', ARGV[5] or ''

if not TERMINAL[why] then
    return redis.error_reply('ERR STOP: unknown reason')
end
if not hex32(subject) then
    return redis.error_reply('ERR STOP: subject is not 32 hex digits')
end
if chan == '' then
    chan = 'all'
elseif chan == 'sms' or chan == 'whatsapp' or chan == 'voice' then
    chan = 'phone'
end

local now = clock()
e = string.sub(e, 1, 64)

if by == 'v' then
    return stop_visitor(now, now, subject, why, chan, e) or 'none'
end
if by ~= 'a' then
    return redis.error_reply('ERR STOP: by is neither v nor a')
end

local att, a
for c in pairs(ADDRESS) do
    if chan == 'all' or chan == c or why == 'purchased' then
        local pid = redis.call('GET', P .. 'ix:' .. c .. ':' .. subject)
        if FINAL[why] then
            suppress(now, c, subject, why)
        end
        if pid then
            a = stop_person(now, now, person(pid), why, chan, e)
            att = (a == 'sending' and a) or att or a
        elseif why == 'purchased' then
            redis.call('SET', P .. 'ord:' .. c .. ':' .. subject, fmt(now),
                       'PX', fmt(KEEP_V))
        end
    end
end

return att or 'none'
