-- reconcile.lua: compare the indexes with the session records, piece by piece.
-- ARGV   1 ms between two passes  2... names of hosts
-- RETURN {ms until the next piece, entries removed, records repaired,
--         {{session id, host, container, epoch}, ...} that have begun to end}
--        the numbers are those of a whole pass, and 0 before its end
-- ATOMIC a piece.  Between two scripts records and indexes always agree, so
--        what disagrees was deleted or evicted by somebody else.
--
-- A record is truth: an entry without one, or of one in another state, goes; an
-- entry that a record should have is added.  Records that claim.lua did not
-- make (they have no seq) are left alone, and so is a lost one whose desktop
-- has open tunnels (held() in prelude.lua).

local PIECE = 250           -- keys or entries looked at in one call
local PAUSE_MS = 100        -- between two pieces of a pass

local now, interval = now_ms(), tonumber(ARGV[1])
local key = prefix .. 'reconcile'
local p = redis.call('HMGET', key, 'next_ms', 'at', 'cursor', 'removed',
                     'repaired')
local due = tonumber(p[1])

if not due then
    redis.call('HSET', key, 'next_ms', int(now + interval))
    return { interval, 0, 0, {} }
end

if now < due and due - now <= math.max(interval, PAUSE_MS) then
    return { int(due - now), 0, 0, {} }
end

local at, cursor = tonumber(p[2]) or 0, p[3] or '0'
local removed, repaired = tonumber(p[4]) or 0, tonumber(p[5]) or 0
local ends = {}

-- an index: its key, its type, and which record it is for
local indexes = {}

local function index(name, kind, fits)
    indexes[#indexes + 1] = { key = prefix .. name, kind = kind, fits = fits }
end

index('live', 'Z', function (s) return LIVE[s.state] end)
index('queue', 'Z', function (s) return s.state == 'queued' end)
index('lease', 'Z', function (s)
    return s.state == 'creating' or s.state == 'starting'
end)
index('expiry', 'Z', function (s) return s.state == 'ready' end)
index('warn', 'Z', function (s) return s.state == 'ready' end)
index('stopping', 'Z', function (s) return s.state == 'stopping' end)

for i = 2, #ARGV do
    local host = ARGV[i]

    index('slots:' .. host, 'S', function (s)
        return s.host == host and (LIVE[s.state] or s.state == 'stopping')
    end)
    index('creates:' .. host, 'S', function (s)
        return s.host == host and s.state == 'creating'
    end)
end

local function remove(command, ...)
    removed = removed + redis.call(command, ...)
end

-- entries of an index: those without a record that fits are removed
local function check_index(x)
    local page = redis.call(x.kind .. 'SCAN', x.key, cursor, 'COUNT', PIECE)

    for i = 1, #page[2], x.kind == 'Z' and 2 or 1 do
        local id = page[2][i]
        local s = redis.call('HMGET', session_key(id), 'state', 'host')

        if s[1] and not x.fits({ state = s[1], host = s[2] })
           or not s[1] and not held(id)
        then
            remove(x.kind .. 'REM', x.key, id)
        end
    end

    return page[1]
end

-- owner:USER and ready:USER, which lead to a record

local function check_owner(uid)
    local id = redis.call('GET', owner_key(uid)) or ''
    local s = redis.call('HMGET', session_key(id), 'state', 'owner')

    if s[1] and not (LIVE[s[1]] and s[2] == uid) or not s[1] and not held(id)
    then
        remove('DEL', owner_key(uid), ready_key(uid))
    end
end

local function check_ready(uid)
    local text = redis.call('GET', ready_key(uid)) or ''
    local id = string.match(text, '^%x+') or ''
    local state = redis.call('HGET', session_key(id), 'state')

    if state and (state ~= 'ready' or redis.call('GET', owner_key(uid)) ~= id)
       or not state and not held(id)
    then
        remove('DEL', ready_key(uid))
    end
end

-- a record: every entry it should have

local function check_record(id)
    local s = redis.call('HMGET', session_key(id), 'state', 'owner', 'host',
                         'seq', 'created_ms', 'expires_ms')
    local state, uid, host = s[1], s[2], s[3] or ''
    local added = 0

    local function add(command, ...)
        added = added + redis.call(command, ...)
    end

    if not state or not uid or not s[4] then
        return
    end

    if LIVE[state] then
        local other = redis.call('GET', owner_key(uid))

        if other ~= id and other and LIVE[get(other, 'state')] then
            -- of two sessions of a user one is too many
            local stop = begin_stop(id, 'reconciliation', 'none', '')
            redis.call('SET', owner_key(uid), other)

            if stop[2] == '' then
                finish(id, 'ended')
            else
                ends[#ends + 1] = stop
            end

            repaired = repaired + 1
            return
        end

        if other ~= id then
            redis.call('SET', owner_key(uid), id)
            added = 1
        end

        add('ZADD', prefix .. 'live', 'NX', s[5], id)
    end

    if state == 'queued' then
        add('ZADD', prefix .. 'queue', 'NX', s[4], id)

    elseif state == 'creating' or state == 'starting' then
        add('ZADD', prefix .. 'lease', 'NX', int(now + STOP_LEASE_MS), id)

        if state == 'creating' then
            add('SADD', creates_key(host), id)
        end

    elseif state == 'ready' then
        local expires = tonumber(s[6]) or now

        add('ZADD', prefix .. 'expiry', 'NX', int(expires), id)

        if expires > now and redis.call('EXISTS', ready_key(uid)) == 0 then
            set_expiry(id, now, expires)
            added = added + 1
        end

        if expires - WARN_MS > now then
            add('ZADD', prefix .. 'warn', 'NX', int(expires - WARN_MS), id)
        end

    elseif state == 'stopping' then
        add('ZADD', prefix .. 'stopping', 'NX', int(now), id)
    end

    if host ~= '' and (LIVE[state] or state == 'stopping') then
        add('SADD', slots_key(host), id)
    end

    if added > 0 then
        repaired = repaired + 1
    end
end

local CHECKS = { session = check_record, owner = check_owner,
                 ready = check_ready }

local function check_keys()
    local pattern = string.gsub(prefix, '[%*%?%[%]\\]', '\\%0') .. '*'
    local page = redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', PIECE)

    for _, name in ipairs(page[2]) do
        local kind, id = string.match(string.sub(name, #prefix + 1),
                                      '^(%l+):(.+)$')

        if CHECKS[kind] then
            CHECKS[kind](id)
        end
    end

    return page[1]
end

-- the numbers that the line is given out by

local function check_numbers()
    local last = redis.call('ZRANGE', prefix .. 'queue', -1, -1, 'WITHSCORES')
    local seq = tonumber(redis.call('GET', prefix .. 'seq')) or 0
    local told = tonumber(redis.call('HGET', prefix .. 'pace', 'told')) or 0

    if (tonumber(last[2]) or 0) > seq then
        seq = tonumber(last[2])
        redis.call('SET', prefix .. 'seq', int(seq))
        repaired = repaired + 1
    end

    if told > seq then
        redis.call('HSET', prefix .. 'pace', 'told', int(seq))
    end
end

local left = PIECE

while left > 0 and at <= #indexes do
    if at == 0 then
        cursor, left = check_keys(), 0
    else
        local n = redis.call(indexes[at].kind == 'Z' and 'ZCARD' or 'SCARD',
                             indexes[at].key)

        cursor = n > 0 and check_index(indexes[at]) or '0'
        left = left - math.min(n, PIECE) - 1
    end

    if cursor == '0' then
        at = at + 1
    end
end

if at > #indexes then
    check_numbers()
    redis.call('HSET', key, 'next_ms', int(now + interval), 'at', '0',
               'cursor', '0', 'removed', '0', 'repaired', '0')
    return { interval, removed, repaired, ends }
end

redis.call('HSET', key, 'next_ms', int(now + PAUSE_MS), 'at', at,
           'cursor', cursor, 'removed', removed, 'repaired', repaired)

return { PAUSE_MS, 0, 0, ends }
