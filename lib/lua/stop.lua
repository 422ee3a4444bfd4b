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

return stop_address(now, subject, why, chan, e) or 'none'
