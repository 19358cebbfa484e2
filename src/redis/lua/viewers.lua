-- viewers.lua: how many tunnels a worker has open, session by session.
-- ARGV   1 worker  2 ms for which that counts  3 "1": all it said before is
--        forgotten  4 its tunnels in all  5.. session id, tunnels, ...
-- RETURN 1 | 0 nothing is known of it any more: it has to say all

local worker, lease_ms = ARGV[1], tonumber(ARGV[2])
local all, key = prefix .. 'viewers', prefix .. 'viewers:' .. worker
local now = now_ms()

-- workers that are gone

redis.call('ZREMRANGEBYSCORE', all, '-inf', int(now))

if ARGV[3] == '1' then
    redis.call('DEL', key)
elseif redis.call('EXISTS', key) == 0 then
    return 0
end

if ARGV[4] == '0' then
    redis.call('DEL', key)
    redis.call('ZREM', all, worker)
    return 1
end

-- the sum keeps the key there while the sessions come in several calls

redis.call('HSET', key, 'all', ARGV[4])

for i = 5, #ARGV, 2 do
    if ARGV[i + 1] == '0' then
        redis.call('HDEL', key, ARGV[i])
    else
        redis.call('HSET', key, ARGV[i], ARGV[i + 1])
    end
end

redis.call('PEXPIRE', key, lease_ms)
redis.call('ZADD', all, int(now + lease_ms), worker)
redis.call('PEXPIRE', all, lease_ms)

return 1
