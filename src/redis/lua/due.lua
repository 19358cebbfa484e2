-- due.lua: what has to be ended now: sessions whose time is over, and
-- removals that were begun but never finished (their worker died, their host
-- was away).
-- ARGV   1 how many at most
-- RETURN list of {id, host, container, epoch}
-- ATOMIC whoever is given one has it for STOP_LEASE_MS, nobody else

local now = int(now_ms())
local n = tonumber(ARGV[1])
local out = {}

for _, id in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'expiry', '-inf',
                               now, 'LIMIT', 0, n))
do
    local stop = begin_stop(id, 'expired', 'none', '')

    if stop then
        out[#out + 1] = stop
    else
        redis.call('ZREM', prefix .. 'expiry', id)
    end
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'stopping', '-inf',
                               now, 'LIMIT', 0, n))
do
    local s = redis.call('HMGET', session_key(id), 'state', 'host',
                         'container', 'epoch')

    if s[1] == 'stopping' then
        redis.call('ZADD', prefix .. 'stopping', int(now + STOP_LEASE_MS), id)
        out[#out + 1] = { id, s[2] or '', s[3] or '', s[4] }
    else
        redis.call('ZREM', prefix .. 'stopping', id)
    end
end

return out
