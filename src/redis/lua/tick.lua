-- tick.lua: what time has brought: whoever asks first does it.
-- ARGV   1 driver: the worker that asks  2 its lease, ms  3 how many at most
--        4 how long a session may wait for a host, ms
-- RETURN {how many wait, {placement, ...}, {{id, host, container, epoch}, ...}}
--        the placements are sessions whose worker has gone: now ours to drive;
--        the rest are to be removed
-- ATOMIC what one worker is given nobody else is, for as long as its lease

local driver, lease_ms, n = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()
local orphans, ends = {}, {}

local AWAY_LOOK_MS = 2000       -- while a host is not to be knocked at

local function due(set)
    return ipairs(redis.call('ZRANGEBYSCORE', prefix .. set, '-inf', int(now),
                             'LIMIT', 0, n))
end

-- time is over

for _, id in due('expiry') do
    local stop = begin_stop(id, end_reason(id), 'none', '')

    if stop then
        ends[#ends + 1] = stop
    else
        redis.call('ZREM', prefix .. 'expiry', id)
    end
end

-- nearly over

for _, id in due('warn') do
    local expires = tonumber(get(id, 'expires_ms')) or 0

    redis.call('ZREM', prefix .. 'warn', id)

    if expires - WARN_MS <= now and expires > now then
        event(id, 'session_expiring', 'warning', 'session expires in '
              .. math.floor((expires - now) / 1000) .. ' s',
              { time_remaining = math.floor((expires - now) / 1000) })
    end
end

-- a user id that another account has by now, or none: a piece of all sessions,
-- once a second

local ACCOUNTS_AT_ONCE = 100

local pace = redis.call('HMGET', prefix .. 'pace', 'accounts_ms',
                        'accounts_from')

if (tonumber(pace[1]) or 0) <= now then
    local from = tonumber(pace[2]) or 0
    local ids = redis.call('ZRANGE', prefix .. 'live', from,
                           from + ACCOUNTS_AT_ONCE - 1)

    redis.call('HSET', prefix .. 'pace', 'accounts_ms', int(now + 1000),
               'accounts_from',
               #ids < ACCOUNTS_AT_ONCE and 0 or from + ACCOUNTS_AT_ONCE)

    for _, id in ipairs(ids) do
        local uid = get(id, 'owner')

        if LIVE[get(id, 'state')] and belongs(id, uid, '') then
            adopt(id, uid, '')
        else
            ends[#ends + 1] = disown(id)
        end
    end
end

-- a removal that nobody finished

for _, id in due('stopping') do
    local s = redis.call('HMGET', session_key(id), 'state', 'host',
                         'container', 'epoch')

    if s[1] == 'stopping' and s[3] ~= '' and host_is_away(s[2] or '') then
        redis.call('ZADD', prefix .. 'stopping', int(now + AWAY_LOOK_MS), id)
    elseif s[1] == 'stopping' then
        redis.call('ZADD', prefix .. 'stopping', int(now + STOP_LEASE_MS), id)
        ends[#ends + 1] = { id, s[2] or '', s[3] or '', s[4] }
    else
        redis.call('ZREM', prefix .. 'stopping', id)
    end
end

-- a worker that does not renew its lease any more

for _, id in due('lease') do
    local key = session_key(id)
    local state = redis.call('HGET', key, 'state')

    if state == 'creating' or state == 'starting' then
        raise_epoch(id)
        redis.call('HSET', key, 'driver', driver)
        redis.call('ZADD', prefix .. 'lease', int(now + lease_ms), id)
        orphans[#orphans + 1] = placement(id)
    else
        redis.call('ZREM', prefix .. 'lease', id)
    end
end

-- nobody waits for ever

for _, id in ipairs(redis.call('ZRANGE', prefix .. 'queue', 0, n - 1)) do
    local since = tonumber(get(id, 'created_ms')) or 0

    if get(id, 'state') ~= 'queued' then
        redis.call('ZREM', prefix .. 'queue', id)

    elseif now - since > tonumber(ARGV[4]) then
        give_up(id, 'no_capacity', 'no host was free in time',
                get(id, 'waited'))
    end
end

return { redis.call('ZCARD', prefix .. 'queue'), orphans, ends }
