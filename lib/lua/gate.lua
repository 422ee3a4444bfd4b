-- GATE: what becomes of an abandoned cart.  The worker looked at the gates;
-- this writes the verdict, unless the journey moved on in between.
-- ARGV: jid, gen, verdict (run, holdout or a terminal state), why, arm, ep,
-- t0, plan ("GAP AFTER1 AFTER2 ...").  Answers run, holdout, the terminal
-- state, or "fenced".

local now = clock()
local jid, gen, verdict, why = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local arm, ep = ARGV[5], ARGV[6]
local j = P .. 'j:' .. jid
local f = load(j)

if (f.st ~= 'anon' and f.st ~= 'wait') or f.gen ~= gen then
    return 'fenced'
end

-- the arm first, contact or not: whoever has an address was chosen by luck
-- only when everybody's arm is on record

set(j, KEEP_J, 'arm', arm, 'ep', ep, 't0', ARGV[7])
out(now, 'arm', jid, 'arm', arm, 'ep', ep, 'contact', f.st == 'wait' and 1 or 0)

local last
if f.vid and redis.call('EXISTS', P .. 'v:' .. f.vid) == 1 then
    redis.call('HSETNX', P .. 'v:' .. f.vid, 'arm', arm)
    redis.call('HSETNX', P .. 'v:' .. f.vid, 'ep', ep)
end
if f.pid and f.pid ~= '' and redis.call('EXISTS', P .. 'p:' .. f.pid) == 1 then
    redis.call('HSETNX', P .. 'p:' .. f.pid, 'arm', arm)
    redis.call('HSETNX', P .. 'p:' .. f.pid, 'ep', ep)
    last = hget(P .. 'p:' .. f.pid, 'last')
end

if verdict ~= 'run' and verdict ~= 'holdout' then
    redis.call('ZREM', P .. 'lease', jid)
    finish(now, jid, verdict, why)
    return verdict
end

set(j, KEEP_J, 'st', verdict)
out(now, 'gate', jid, 'st', verdict, 'arm', arm)
advance(now, jid, {st = verdict, step = '0', t0 = ARGV[7], last = last},
        ARGV[8])
return verdict
