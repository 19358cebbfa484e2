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
--
-- A host on which creates have failed lately counts less.  While there is
-- another one, also if that is busy or full, it is only tried by one session at
-- a time, after a pause, and by none that has failed before.

local LOOK_AT_MOST = 200    -- sessions, when those in front fit nowhere
local TELL_AT_MOST = 50     -- of those who wait, each time
local TRIAL_MS = 1000       -- the pause, doubled by each recent failure

local driver, lease_ms, at_most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local memory, cpus = tonumber(ARGV[5]), tonumber(ARGV[6])
local now = now_ms()

local DOWN = { no_image = 'no_image', disk = 'disk_full',
               too_small = 'too_small' }

-- why a host takes nobody now, whatever happened there; nil when it does
local function closed(h)
    if h.health == 'down' then
        return DOWN[h.reason] or 'down'
    elseif h.away then
        return 'away'
    elseif h.mode ~= 'active' then
        return 'closed'
    elseif (h.memory > 0 and memory > h.memory)
        or (h.cpus > 0 and cpus > h.cpus)
    then
        return 'too_small'
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
local sound         -- is there a host that may serve, now or later?

for i = 7, #ARGV, 6 do
    local name = ARGV[i]
    local s = redis.call('HMGET', host_key(name), 'health', 'mode', 'reason',
                         'memory_bytes', 'nano_cpus', 'create_fails',
                         'create_fails_ms', 'trial_ms')
    local mem, cpu = tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5])
    local fails = create_fails(s[6], s[7], now)
    local last = math.max(tonumber(s[7]) or 0, tonumber(s[8]) or 0)

    local h = {
        name = name, weight = tonumber(ARGV[i + 1]),
        max = tonumber(ARGV[i + 2]), creates_max = tonumber(ARGV[i + 3]),
        memory = mem ~= 0 and mem or tonumber(s[4] or 0) or 0,
        cpus = cpu ~= 0 and cpu or tonumber(s[5] or 0) or 0,
        away = host_is_away(name),
        health = s[1] or 'up', mode = s[2] or 'active', reason = s[3],
        count = redis.call('SCARD', slots_key(name)),
        creates = redis.call('SCARD', creates_key(name)),
    }

    if fails >= 0.5 then
        h.pause = TRIAL_MS * 2 ^ fails
        h.trial_ms = last + h.pause
        h.less = 4 ^ fails
    end

    local why = closed(h)

    if not h.pause and (not why or why == 'busy' or why == 'full') then
        sound = true
    end

    hosts[#hosts + 1] = h
end

-- the same for a session that has failed somewhere (again), or not
local function refusal(h, again)
    local why = closed(h)

    if not why and h.pause and sound and (again or now < h.trial_ms) then
        return 'failing'
    end

    return why
end

-- as a code, and in words a player can read
local function why()
    local n = { busy = 0, full = 0, closed = 0, no_image = 0, down = 0,
                disk_full = 0, too_small = 0, failing = 0, away = 0 }
    local known = 0

    for _, h in ipairs(hosts) do
        local r = refusal(h, true)
        if r then n[r] = n[r] + 1 end
        if r and r ~= 'failing' then known = known + 1 end
    end

    if n.busy > 0 then
        return 'busy', n.busy == 1 and 'the host is busy starting desktops'
                       or 'all ' .. n.busy
                          .. ' hosts are busy starting desktops'
    elseif n.full > 0 then
        return 'full', 'every host is full'
    elseif n.away > 0 then
        return 'down', 'the connection to the desktop host failed, trying again'
    elseif n.too_small > 0 and n.too_small == known then
        return 'too_small', 'no host is large enough for a desktop'
    elseif n.disk_full > 0 and n.disk_full == known then
        return 'disk_full', n.disk_full == 1 and 'the disk of the host is full'
                            or 'the disk of every host is full'
    elseif n.no_image > 0 and n.no_image == known then
        return 'no_image', 'no host has the image of a desktop; '
                           .. 'please tell an organizer'
    elseif n.down + n.no_image + n.disk_full + n.too_small > 0 then
        return 'down', 'no host can start desktops at the moment'
    end

    return 'closed', 'no host takes new desktops at the moment'
end

local function best_for(tried)
    local best, best_score, any
    local again = next(tried) ~= nil

    for _, h in ipairs(hosts) do
        any = any or not refusal(h)

        if not tried[h.name] and not refusal(h, again) then
            local score = h.weight / (h.count + 1) / (h.less or 1)

            if not best or score > best_score
               or (score == best_score and h.name < best.name)
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

            if h.pause then
                h.trial_ms = now + h.pause
                redis.call('HSET', host_key(h.name), 'trial_ms', int(now))
            end

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

-- nobody waits for what can never be

local names = {}

for i, h in ipairs(hosts) do
    names[i] = h.name
end

local never = redis.call('ZCARD', prefix .. 'queue') > 0
              and all_too_small(names)

for _, id in ipairs(never and redis.call('ZRANGE', prefix .. 'queue', 0,
                                         TELL_AT_MOST - 1) or {})
do
    if get(id, 'state') == 'queued' then
        give_up(id, 'host_too_small', never, never)
    else
        redis.call('ZREM', prefix .. 'queue', id)
    end
end

-- those who are left are told why, once: told is the last one's number

if redis.call('ZCARD', prefix .. 'queue') > 0 then
    local code, reason = why()
    local creates = 0
    local told = redis.call('HGET', prefix .. 'pace', 'told') or '0'

    for _, h in ipairs(hosts) do
        local r = refusal(h, true)
        if not r or r == 'busy' then creates = creates + h.creates_max end
    end

    redis.call('SET', prefix .. 'queue_reason', reason, 'PX', 60000)
    redis.call('HSET', prefix .. 'pace', 'creates', math.max(creates, 1),
               'code', code)

    for _, id in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'queue',
                                   '(' .. told, '+inf', 'LIMIT', 0,
                                   TELL_AT_MOST))
    do
        local key = session_key(id)
        redis.call('HSET', key, 'waited', reason)
        redis.call('HSET', prefix .. 'pace', 'told',
                   redis.call('HGET', key, 'seq'))
        event(id, 'queued', 'info', 'waiting for a host: ' .. reason,
              { reason = reason, code = code,
                position = redis.call('ZRANK', prefix .. 'queue', id) + 1 })
    end
end

return out
