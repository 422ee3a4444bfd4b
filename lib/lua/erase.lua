-- ERASE: forgets a person; what stays is the suppression, which is a hash.
-- ARGV: channel, look-up [, channel, look-up ...] (email, phone; each
-- generation of the secret).  Answers {persons, journeys, visitors, entries}:
-- how many of each were removed.

local now = clock()
local persons, journeys, visitors, entries = 0, 0, 0, 0
local pids, vids, jids = {}, {}, {}

for i = 1, #ARGV - 1, 2 do
    if not ADDRESS[ARGV[i]] or not hex32(ARGV[i + 1]) then
        return redis.error_reply('ERR ERASE: expected channel and look-up')
    end
end

for i = 1, #ARGV - 1, 2 do
    local ix = P .. 'ix:' .. ARGV[i] .. ':' .. ARGV[i + 1]
    local pid = redis.call('GET', ix)
    suppress(now, ARGV[i], ARGV[i + 1], 'erased')
    redis.call('DEL', ix, P .. 'ord:' .. ARGV[i] .. ':' .. ARGV[i + 1])
    if pid then
        pids[pid] = 1
        pids[person(pid)] = 1
    end
end

for pid in pairs(pids) do
    local p = load(P .. 'p:' .. pid)
    stop_person(now, now, pid, 'erased', 'all', 'erase')
    for w in string.gmatch((p.js or '') .. ' ' .. (p.jid or ''), '%x+') do
        jids[w] = 1
    end
    for w in string.gmatch(p.vs or '', '%x+') do
        vids[w] = 1
    end
    for c, field in pairs(ADDRESS) do
        if p[field] then
            redis.call('DEL', P .. 'ix:' .. c .. ':' .. p[field])
        end
    end
    persons = persons + redis.call('DEL', P .. 'p:' .. pid)
end

for jid in pairs(jids) do
    local vid = hget(P .. 'j:' .. jid, 'vid')
    if vid then
        vids[vid] = 1
    end
    redis.call('ZREM', P .. 'due', jid)
    redis.call('ZREM', P .. 'lease', jid)
    journeys = journeys + redis.call('DEL', P .. 'j:' .. jid)
end

for vid in pairs(vids) do
    visitors = visitors + redis.call('DEL', P .. 'v:' .. vid)
end

-- `out` names journeys only, and those are gone.  The log and the dead letters
-- may still hold a sealed address, perhaps of a browser that is not yet known
-- to be theirs.

local function names(payload)
    for i = 1, #ARGV - 1, 2 do
        if string.find(payload or '', ARGV[i + 1], 1, true) then
            return true
        end
    end
    return false
end


local from = '-'
repeat
    local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1000)
    for _, x in ipairs(page) do
        if vids[x[2][4]] or names(x[2][12]) then
            redis.call('XACK', KEYS[1], 'w', x[1])
            entries = entries + redis.call('XDEL', KEYS[1], x[1])
        end
        from = '(' .. x[1]
    end
until #page < 1000

for _, x in ipairs(redis.call('XRANGE', P .. 'dead', '-', '+',
                              'COUNT', DEAD_MAX)) do
    if names(x[2][4]) then
        entries = entries + redis.call('XDEL', P .. 'dead', x[1])
    end
end

return {persons, journeys, visitors, entries}
