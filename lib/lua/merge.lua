-- MERGE: two persons turn out to be one.
-- ARGV: pid, pid.  Answers the pid that stays.

if not hex32(ARGV[1]) or not hex32(ARGV[2]) then
    return redis.error_reply('ERR MERGE: a pid is not 32 hex digits')
end

return merge(clock(), person(ARGV[1]), person(ARGV[2]))
