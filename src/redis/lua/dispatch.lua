-- dispatch.lua: give the sessions that wait their hosts, in their order.
-- ARGV   1 driver: the worker that asks  2 its lease, ms  3 how many at most
--        4 what a container's name begins with
--        5 memory of a session, bytes  6 its nano-CPUs
--        then per host: name, weight, sessions at most, creates at most,
--        memory bytes and nano-CPUs it may give away (0: what its engine
--        reports)
-- RETURN list of placements (prelude.lua), now creating and ours to drive
-- ATOMIC the choice and the reservation: the best by weight / (count + 1),
--        ties by name; nobody overtakes, but for sessions that have tried the
--        hosts which are free

local LOOK_AT_MOST = 200    -- sessions, when those in front fit nowhere
local TELL_AT_MOST = 50     -- of those who wait, each time

local driver, lease_ms, at_most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local memory, cpus = tonumber(ARGV[5]), tonumber(ARGV[6])
local now = now_ms()

-- why a host takes nobody now; nil when it does
local function refusal(h)
    if h.health == 'down' then
        return h.reason == 'no_image' and 'no_image' or 'down'
    elseif h.mode ~= 'active' then
        return 'closed'
    elseif h.count >= h.max
        or (h.memory > 0 and (h.count + 1) * memory > h.memory)
        or (h.cpus > 0 and (h.count + 1) * cpus > h.cpus)
    then
        return 'full'
    elseif h.creates >= h.creates_max then
        return 'busy'
    end
end

local hosts = {}

for i = 7, #ARGV, 6 do
    local name = ARGV[i]
    local s = redis.call('HMGET', host_key(name), 'health', 'mode', 'reason',
                         'memory_bytes', 'nano_cpus')
    local mem, cpu = tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5])

    hosts[#hosts + 1] = {
        name = name, weight = tonumber(ARGV[i + 1]),
        max = tonumber(ARGV[i + 2]), creates_max = tonumber(ARGV[i + 3]),
        memory = mem ~= 0 and mem or tonumber(s[4] or 0) or 0,
        cpus = cpu ~= 0 and cpu or tonumber(s[5] or 0) or 0,
        health = s[1] or 'up', mode = s[2] or 'active', reason = s[3],
        count = redis.call('SCARD', slots_key(name)),
        creates = redis.call('SCARD', creates_key(name)),
    }
end

-- in words a player can read
local function why()
    local n = { busy = 0, full = 0, closed = 0, no_image = 0, down = 0 }

    for _, h in ipairs(hosts) do
        local r = refusal(h)
        if r then n[r] = n[r] + 1 end
    end

    if n.busy > 0 then
        return n.busy == 1 and 'the host is busy starting desktops'
               or 'all ' .. n.busy .. ' hosts are busy starting desktops'
    elseif n.full > 0 then
        return 'every host is full'
    elseif n.no_image > 0 and n.down == 0 and n.closed == 0 then
        return 'no host has the image'
    elseif n.down + n.no_image > 0 then
        return 'no host is fit at the moment'
    end

    return 'no host takes new desktops at the moment'
end

local function best_for(tried)
    local best, best_score, any

    for _, h in ipairs(hosts) do
        if not refusal(h) then
            any = true
            local score = h.weight / (h.count + 1)

            if not tried[h.name]
               and (not best or score > best_score
                    or (score == best_score and h.name < best.name))
            then
                best, best_score = h, score
            end
        end
    end

    return best, any
end

local out = {}
local _, open = best_for({})

for _, id in ipairs(open and redis.call('ZRANGE', prefix .. 'queue', 0,
                                        LOOK_AT_MOST - 1) or {})
do
    local key = session_key(id)
    local s = redis.call('HMGET', key, 'state', 'tried')

    if s[1] ~= 'queued' then
        redis.call('ZREM', prefix .. 'queue', id)

    else
        local tried = {}
        for name in string.gmatch(s[2] or '', '[^,]+') do
            tried[name] = true
        end

        local h, any = best_for(tried)

        if not any or #out >= at_most then
            break
        end

        if h then
            h.count = h.count + 1
            h.creates = h.creates + 1

            redis.call('ZREM', prefix .. 'queue', id)
            redis.call('SADD', slots_key(h.name), id)
            redis.call('SADD', creates_key(h.name), id)
            redis.call('ZADD', prefix .. 'lease', int(now + lease_ms), id)
            raise_epoch(id)
            redis.call('HINCRBY', key, 'attempts', 1)
            redis.call('HSET', key, 'state', 'creating', 'since_ms', int(now),
                       'placed_ms', int(now), 'driver', driver,
                       'host', h.name, 'container', ARGV[4] .. id,
                       'step', 'starting_container', 'message',
                       'Starting container on ' .. h.name .. '...')
            note(id, 'creating')
            out[#out + 1] = placement(id)
        end
    end
end

-- those who are left are told why, once: told is the last one's number

if redis.call('ZCARD', prefix .. 'queue') > 0 then
    local reason, creates = why(), 0
    local told = redis.call('HGET', prefix .. 'pace', 'told') or '0'

    for _, h in ipairs(hosts) do
        local r = refusal(h)
        if not r or r == 'busy' then creates = creates + h.creates_max end
    end

    redis.call('SET', prefix .. 'queue_reason', reason, 'PX', 60000)
    redis.call('HSET', prefix .. 'pace', 'creates', math.max(creates, 1))

    for _, id in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'queue',
                                   '(' .. told, '+inf', 'LIMIT', 0,
                                   TELL_AT_MOST))
    do
        local key = session_key(id)
        redis.call('HSET', key, 'waited', reason)
        redis.call('HSET', prefix .. 'pace', 'told',
                   redis.call('HGET', key, 'seq'))
        event(id, 'queued', 'info', 'waiting for a host: ' .. reason,
              { reason = reason,
                position = redis.call('ZRANK', prefix .. 'queue', id) + 1 })
    end
end

return out
