-- prelude.lua: what a script needs of it stands in front of the script
-- (tools/prelude.awk); so everything here begins with "local".
-- KEYS   1 prefix; it carries the hash tag, so it binds the slot, and every
--          other key is prefix .. name (docs/REDIS.md lists them)
-- Time is the server's, in integer milliseconds.

local prefix = KEYS[1]

local EVENTS_MAX = 2000
local HISTORY_MAX = 100000
local FINISHED_TTL_MS = 600000  -- how long an ended session can be asked for
local STORY_MAX = 64          -- steps that are remembered of a session
local STORY_TTL_MS = 7 * 86400000
local STOP_LEASE_MS = 10000     -- a removal nobody finished is tried again
local HOST_TTL_MS = 30 * 86400000   -- a host nobody names is forgotten
local WARN_MS = 300000          -- a player is warned so long before the end
local LIVE = { queued = 1, creating = 1, starting = 1, ready = 1 }

-- what may become what; everything else is refused
local MAY = {
    queued   = { creating = 1, stopping = 1 },
    creating = { starting = 1, queued = 1, stopping = 1 },
    starting = { ready = 1, queued = 1, stopping = 1 },
    ready    = { stopping = 1 },
    stopping = { ended = 1, failed = 1 },
}

local function now_ms()
    local t = redis.call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- a Lua number would be printed as 1.7e+12: integers go out as text
local function int(n)
    return string.format('%.0f', n)
end

local function session_key(id)
    return prefix .. 'session:' .. id
end

local function owner_key(uid)
    return prefix .. 'owner:' .. uid
end

local function last_key(uid)
    return prefix .. 'last:' .. uid
end

local function ready_key(uid)
    return prefix .. 'ready:' .. uid
end

-- sessions that have room on a host; of these, the ones being created

local function slots_key(host)
    return prefix .. 'slots:' .. host
end

local function creates_key(host)
    return prefix .. 'creates:' .. host
end

local function host_key(host)
    return prefix .. 'host:' .. host
end

local function sweep_key(host)
    return prefix .. 'sweep:' .. host
end

-- what is known of a host that some hosts.yml names lives on
local function keep(key)
    redis.call('PEXPIRE', key, HOST_TTL_MS)
end

-- Recent failures of creates on a host: a number that halves every five
-- minutes.  dispatch.lua orders hosts by it; it is no verdict of their health.
local CREATE_FAILS_HALF_MS = 300000
local CREATE_FAILS_MAX = 6

local function create_fails(fails, since_ms, now)
    local age = math.max(now - (tonumber(since_ms) or now), 0)

    return (tonumber(fails) or 0) * 0.5 ^ (age / CREATE_FAILS_HALF_MS)
end

local function get(id, field)
    return redis.call('HGET', session_key(id), field) or ''
end

-- Whoever drives a session is given an epoch that nobody had before him: a
-- Redis that was restored from an older copy has forgotten those it gave out
-- since, but not how late it is.
local function raise_epoch(id)
    local epoch = math.max((tonumber(get(id, 'epoch')) or 0) + 1, now_ms())
    redis.call('HSET', session_key(id), 'epoch', int(epoch))
end

-- What a gate must know of a session, and its owner is told, as one text;
-- ngx_rd_desktop.c reads it.
local FOR_GATES = { 'id', 'state', 'address', 'web_port', 'terminal_port',
                    'expires_ms', 'team_id', 'reason', 'ssh_port',
                    'created_ms', 'extensions_used', 'extensions_max',
                    'account_tag', 'login' }

-- the end of a text with all of these; earlier releases wrote shorter ones
local GATES_END = '\0.'

local function for_gates(id)
    local values = redis.call('HMGET', session_key(id), 'drained',
                              unpack(FOR_GATES))
    local drained = table.remove(values, 1) == '1'

    for i = 1, #FOR_GATES do
        values[i] = values[i] or ''

        -- why it ends before its time; there is no other reason yet
        if FOR_GATES[i] == 'reason' and values[i] == '' and drained then
            values[i] = 'drained'
        end
    end

    return table.concat(values, '\0') .. GATES_END
end

-- a value of a user record, which others write; no two become the same
local function plain(text)
    text = text or ''
    return (#text > 64 or string.find(text, '%z'))
           and 'unreadable-' .. redis.sha1hex(text) or text
end

-- as ngx_rd_text_digest_hex()
local function digest(text)
    return text == '' and '' or string.sub(redis.sha1hex(text), 1, 16)
end

-- what the user record says of the account: its tag, digest of its password tag
local function account_of(uid)
    local u = redis.call('HMGET', prefix .. 'user:' .. uid, 'tag', 'hash')
    return plain(u[1]), digest(plain(u[2]))
end

-- Does a session belong to the account that has its owner's id now (ADR 008)?
-- login is the digest of the owner's login, '' when somebody else asks.
-- ngx_rd_desktop.c has the same rule for gates.
local function belongs(id, uid, login)
    local tag, hash = account_of(uid)
    local s = redis.call('HMGET', session_key(id), 'account_tag', 'login')
    local its_tag, its_login = s[1] or '', s[2] or ''

    if login ~= '' and hash ~= '' and login ~= hash then
        return false                    -- an outdated login owns nothing
    elseif its_tag ~= '' and tag ~= '' then
        return its_tag == tag
    elseif its_login ~= '' and hash ~= '' then
        return its_login == hash
    elseif its_tag ~= '' then
        return false                    -- the account has gone
    end

    return its_login == '' or login == '' or its_login == login
end

-- what a script returns of a session also says whether all are switched off
local function with_switch(fields)
    if redis.call('EXISTS', prefix .. 'switch') == 1 then
        fields[#fields + 1] = 'switch'
        fields[#fields + 1] = 'off'
    end

    return fields
end

-- what the user record says of somebody that an administrator should see
local function flags_of(uid)
    local u = redis.call('HMGET', prefix .. 'user:' .. uid, 'type', 'hidden',
                         'banned')
    local flags = {}

    if u[1] == 'admin' then flags[#flags + 1] = 'admin' end
    if u[2] == '1' then flags[#flags + 1] = 'hidden' end
    if u[3] == '1' then flags[#flags + 1] = 'banned' end

    return flags
end

-- one fact is one event; id and uid may be '' (a fact about a host)
local function write_event(kind, level, message, id, uid, username, metadata)
    redis.call('XADD', prefix .. 'events', 'MAXLEN', '~', EVENTS_MAX, '*',
               'type', kind, 'level', level, 'message', message,
               'session', id, 'user_id', uid, 'username', username,
               'flags', uid ~= '' and table.concat(flags_of(uid), ',') or '',
               'metadata', next(metadata) and cjson.encode(metadata) or '{}')
end

local function event(id, kind, level, message, metadata)
    local s = redis.call('HMGET', session_key(id), 'owner', 'username')
    write_event(kind, level, message, id, s[1] or '', s[2] or '', metadata)
end

-- what an administrator did; with a session it was done to its owner
local function audit(admin_id, admin, level, message, id, metadata)
    if id ~= '' then
        local s = redis.call('HMGET', session_key(id), 'owner', 'username')
        metadata.target_id = tonumber(s[1])
        metadata.target = s[2] or ''

        for _, flag in ipairs(flags_of(s[1] or '')) do
            metadata['target_is_' .. flag] = true
        end

        message = message .. ' ' .. metadata.target
    end

    write_event('admin_action', level, 'admin ' .. admin .. ' ' .. message, id,
                admin_id, admin, metadata)
end

local function rate_key(uid, what)
    return prefix .. 'rate:' .. what .. ':' .. uid
end

-- Sliding window: 0, and it counts; or the milliseconds until the next one is
-- allowed.  max 0: no limit.
local function rate(uid, what, max, window)
    max, window = tonumber(max) or 0, tonumber(window)

    if max == 0 then
        return 0
    end

    local key = rate_key(uid, what)
    local now = now_ms()

    redis.call('ZREMRANGEBYSCORE', key, '-inf', int(now - window))
    local count = redis.call('ZCARD', key)

    if count >= max then
        local first = redis.call('ZRANGE', key, count - max, count - max,
                                 'WITHSCORES')
        return math.max(1, tonumber(first[2]) + window - now)
    end

    redis.call('ZADD', key, int(now), int(now) .. '-' .. count)
    redis.call('PEXPIRE', key, window)

    return 0
end

-- the story of a session, step by step, for administrators
local function note(id, state)
    local key = prefix .. 'story:' .. id
    local s = redis.call('HMGET', session_key(id), 'host', 'message', 'reason',
                         'error', 'detail')

    redis.call('RPUSH', key, cjson.encode({ state = state, ms = now_ms(),
               host = s[1] or '', message = s[2] or '', reason = s[3] or '',
               error = s[4] or '', detail = s[5] or '' }))
    redis.call('LTRIM', key, -STORY_MAX, -1)
    redis.call('PEXPIRE', key, STORY_TTL_MS)
end

-- the one place where a state changes: compares state and epoch, writes
local function move(id, epoch, to, ...)
    local s = redis.call('HMGET', session_key(id), 'state', 'epoch')

    if not s[1] then
        return 'none'
    end

    if s[2] ~= epoch or not (MAY[s[1]] or {})[to] then
        return s[1]
    end

    redis.call('HSET', session_key(id), 'state', to,
               'since_ms', int(now_ms()), ...)
    note(id, to)
    return nil
end

local function release_create(id, host)
    if host ~= '' then
        redis.call('SREM', creates_key(host), id)
    end
end

local function release_slot(id)
    local host = get(id, 'host')

    if host ~= '' then
        redis.call('SREM', slots_key(host), id)
        release_create(id, host)
    end

    -- what bound it was the host, not the session
    redis.call('HDEL', session_key(id), 'drain_ms')
end

-- errors of a create that say nothing of its host
local NOT_THE_HOST = { no_memory = 1, internal = 1, no_capacity = 1 }

-- a create of this session has failed on its host
local function count_failure(id, code)
    local host = get(id, 'host')
    local key = host_key(host)

    if host == '' or NOT_THE_HOST[code] then
        return
    end

    local h = redis.call('HMGET', key, 'create_fails', 'create_fails_ms')
    local now = now_ms()
    local fails = math.min(create_fails(h[1], h[2], now) + 1, CREATE_FAILS_MAX)

    redis.call('HSET', key, 'create_fails', string.format('%.3f', fails),
               'create_fails_ms', int(now))
    keep(key)
end

-- a session waits for its turn; seq is its place and never changes
local function enqueue(id, seq)
    redis.call('ZADD', prefix .. 'queue', seq, id)
    redis.call('ZREM', prefix .. 'lease', id)
end

-- what the worker that drives a session from here has to know of it
local function placement(id)
    local f = redis.call('HMGET', session_key(id), 'epoch', 'state', 'host',
                         'container', 'account', 'vnc_password', 'attempts',
                         'address', 'web_port', 'vnc_port', 'initial_s',
                         'extension_s', 'extensions_max', 'created_ms',
                         'since_ms', 'view_password')

    -- the first session of all gives the installation its name
    redis.call('SET', prefix .. 'installation', id, 'NX')

    local lifetime_s = f[11] + f[12] * f[13]
    local waited_ms = (tonumber(f[15]) or 0) - (tonumber(f[14]) or 0)

    return { id, f[1], f[2], f[3], f[4], f[5],
             f[6] .. '\n' .. (f[16] or ''), f[7], f[8] or '',
             f[9] or '0', f[10] or '0', int(lifetime_s),
             int(math.max(waited_ms, 0)),
             redis.call('GET', prefix .. 'installation') }
end

-- Who is on a draining host has no time beyond drain_ms.  A session that ends
-- by it has drained = 1, and its time ends with the reason end_reason() gives.
local function bounded(id, expires)
    local drain = tonumber(get(id, 'drain_ms'))

    if not drain or drain >= expires then
        return expires
    end

    redis.call('HSET', session_key(id), 'drained', '1',
               'undrained_ms', int(expires))
    return drain
end

-- A session that belongs to its account, but was asked for before the account
-- had a tag, by an earlier release or by a signed call, is bound to what is
-- known now.
local function adopt(id, uid, login)
    local tag, hash = account_of(uid)
    local s = redis.call('HMGET', session_key(id), 'account_tag', 'login',
                         'owner')
    local text = ready_key(s[3] or '')
    local bound

    if (s[1] or '') == '' and tag ~= '' then
        redis.call('HSET', session_key(id), 'account_tag', tag)
        bound = true
    end

    if (s[2] or '') == '' and (login ~= '' or hash ~= '') then
        redis.call('HSET', session_key(id), 'login',
                   login ~= '' and login or hash)
        bound = true
    end

    if bound and redis.call('EXISTS', text) == 1 then
        redis.call('SET', text, for_gates(id), 'KEEPTTL')
    end
end

-- The clock of a ready session, and the warning before its end.  Nothing else
-- that gates must know of a session changes while it is ready.
local function set_expiry(id, now, expires)
    expires = bounded(id, expires)
    redis.call('HSET', session_key(id), 'expires_ms', int(expires))
    redis.call('ZADD', prefix .. 'expiry', int(expires), id)
    redis.call('SET', ready_key(get(id, 'owner')), for_gates(id),
               'PXAT', int(expires))

    if expires - WARN_MS > now then
        redis.call('ZADD', prefix .. 'warn', int(expires - WARN_MS), id)
    end

    return expires
end

local function end_reason(id)
    return get(id, 'drained') == '1' and 'drained' or 'expired'
end

-- tunnels that all workers together have open into a session

local function tunnels_of(id)
    local n = 0

    for _, worker in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'viewers',
                                       '(' .. int(now_ms()), '+inf'))
    do
        n = n + (tonumber(redis.call('HGET', prefix .. 'viewers:' .. worker,
                                     id)) or 0)
    end

    return n
end

-- A session whose record is gone (deleted, or evicted by a Redis that may) and
-- whose desktop is in use: nothing of it is removed, for a while.  RETURN nil,
-- or tunnels that are open and whether this is the first call that finds so.
local HELD_MS = 900000

local function held(id)
    local n = id ~= '' and tunnels_of(id) or 0

    if n == 0 then
        return nil
    end

    local now, set = now_ms(), prefix .. 'held'
    local first = redis.call('ZADD', set, 'NX', int(now), id) == 1

    redis.call('PEXPIRE', set, 4 * HELD_MS)

    if now - tonumber(redis.call('ZSCORE', set, id)) >= HELD_MS then
        return nil
    end

    return n, first
end

-- the one place where a host's health changes, and is told
local function host_health(name, health, reason)
    local key = host_key(name)
    local h = redis.call('HMGET', key, 'health', 'reason')

    redis.call('HSET', key, 'health', health, 'reason', reason)

    if h[1] ~= health then
        redis.call('HSET', key, 'health_ms', int(now_ms()))
    end

    if health == 'up' and h[1] ~= 'up' and h[1] ~= 'suspect' then
        event('', 'host_healthy', 'info', 'host ' .. name .. ' is healthy',
              { context_name = name })
    elseif health == 'down' and (h[1] ~= 'down' or h[2] ~= reason) then
        event('', 'host_unhealthy', 'warning',
              'host ' .. name .. ' is unhealthy: ' .. reason,
              { context_name = name, reason = reason })
    end
end

-- the sentence for players when none of these hosts can ever hold a desktop
local function all_too_small(names)
    local most, sentence = -1, nil

    for _, name in ipairs(names) do
        local h = redis.call('HMGET', host_key(name), 'health', 'reason',
                             'needs', 'has', 'memory_bytes')

        if h[1] ~= 'down' or h[2] ~= 'too_small' then
            return nil
        end

        if (tonumber(h[5]) or 0) > most then
            most = tonumber(h[5]) or 0
            sentence = 'a desktop needs ' .. (h[3] or '')
                       .. ', the largest host has ' .. (h[4] or '')
        end
    end

    return sentence
end

-- One back-off per host, of all workers: a connection to it failed, so nobody
-- knocks before the pause is over but the next probe, which comes first.  The
-- pause doubles with each failure that is not long after the last one.
local AWAY_MS, AWAY_MS_MAX = 1000, 45000
local AWAY_PROBE_MS = 1500      -- what the probe needs to answer

local function host_is_away(name)
    return (tonumber(redis.call('HGET', host_key(name), 'away_until_ms')) or 0)
           > now_ms()
end

local function host_away(name)
    local key, now = host_key(name), now_ms()
    local h = redis.call('HMGET', key, 'away', 'away_ms', 'next_ms')
    local n = tonumber(h[1]) or 0

    if host_is_away(name) and tonumber(h[3] or 0) > now then
        return 0                -- of the same burst
    end

    if now - (tonumber(h[2]) or 0) > 2 * AWAY_MS_MAX then
        n = 0
    end

    local pause = math.min(AWAY_MS * 2 ^ n, AWAY_MS_MAX)

    redis.call('HSET', key, 'away', n + 1, 'away_ms', int(now),
               'next_ms', int(now + pause),
               'away_until_ms', int(now + pause + AWAY_PROBE_MS))
    keep(key)

    return pause
end

local function release_claim(id)
    local uid = get(id, 'owner')

    if redis.call('GET', owner_key(uid)) == id then
        redis.call('DEL', owner_key(uid), ready_key(uid))
    end

    for _, set in ipairs({ 'expiry', 'warn', 'live', 'queue', 'lease' }) do
        redis.call('ZREM', prefix .. set, id)
    end
end

-- from any live state to stopping; fences off whoever drives the session
local function begin_stop(id, reason, step, message)
    local key = session_key(id)
    local state = redis.call('HGET', key, 'state')

    if not state or not LIVE[state] then
        return nil
    end

    raise_epoch(id)
    redis.call('HSET', key, 'state', 'stopping', 'since_ms', int(now_ms()),
               'reason', reason, 'step', step, 'message', message)
    note(id, 'stopping')
    release_claim(id)
    release_create(id, get(id, 'host'))
    redis.call('ZADD', prefix .. 'stopping', int(now_ms() + STOP_LEASE_MS), id)

    local s = redis.call('HMGET', key, 'host', 'container', 'epoch')
    return { id, s[1] or '', s[2] or '', s[3] }
end

-- removal is confirmed, or nothing was ever made
local function finish(id, to)
    local key = session_key(id)
    local now = now_ms()
    local s = redis.call('HMGET', key, 'owner', 'username', 'host',
                         'container', 'reason', 'created_ms', 'ready_ms',
                         'extensions_used', 'error', 'detail', 'attempts')
    local from = tonumber(s[7] ~= '' and s[7] or s[6]) or now

    release_slot(id)
    redis.call('HSET', key, 'state', to, 'ended_ms', int(now))
    note(id, to)
    redis.call('HDEL', key, 'vnc_password', 'view_password')
    redis.call('PEXPIRE', key, FINISHED_TTL_MS)
    redis.call('ZREM', prefix .. 'stopping', id)
    redis.call('XADD', prefix .. 'history', 'MAXLEN', '~', HISTORY_MAX, '*',
               'session', id, 'owner', s[1] or '', 'username', s[2] or '',
               'host', s[3] or '', 'container', s[4] or '',
               'reason', s[5] or '', 'created_ms', s[6] or '',
               'ready_ms', s[7] or '', 'ended_ms', int(now),
               'extensions_used', s[8] or '0', 'error', s[9] or '',
               'detail', s[10] or '')

    if to == 'ended' then
        event(id, 'session_destroyed', 'info',
              'remote desktop session destroyed',
              { context = s[3] or '', container_name = s[4] or '',
                reason = s[5] or '',
                duration = math.floor((now - from) / 1000),
                extensions_used = tonumber(s[8]) or 0 })
    end
end

-- a session that waits will get no host: code for machines, a sentence for its
-- player, detail for administrators
local function give_up(id, code, sentence, detail)
    redis.call('HSET', session_key(id), 'error', code, 'detail', detail)
    event(id, 'session_error', 'error', 'failed to create session: '
          .. sentence, { error = code, detail = detail })
    begin_stop(id, 'failed', 'failed', sentence)
    finish(id, 'failed')
end

-- Ends a session whose account has gone; begin_stop(), or nil when there is
-- nothing to remove.
local function disown(id)
    local stop = begin_stop(id, 'account_changed', 'none', '')

    if stop and stop[2] == '' then
        finish(id, 'ended')
        return nil
    end

    return stop
end

-- more time for a ready session; what extend.lua returns
local function extend(id)
    local key = session_key(id)
    local s = redis.call('HMGET', key, 'state', 'expires_ms',
                         'extensions_used', 'extensions_max', 'extension_s')
    local now = now_ms()

    if s[1] ~= 'ready' then
        return { 0, LIVE[s[1] or ''] and 'not_ready' or 'none' }
    end

    local expires, used, max = tonumber(s[2]), tonumber(s[3]), tonumber(s[4])

    if expires <= now then
        return { 0, 'expired' }
    end

    if used >= max then
        return { 0, 'max' }
    end

    if get(id, 'drain_ms') ~= '' then
        return { 0, 'draining' }
    end

    used = used + 1
    expires = expires + tonumber(s[5]) * 1000

    redis.call('HSET', key, 'extensions_used', used)
    expires = set_expiry(id, now, expires)
    event(id, 'session_extended', 'info',
          'session extended (' .. used .. '/' .. max .. ' extensions used)',
          { extensions_used = used, max_extensions = max,
            new_duration = math.floor((expires - now) / 1000) })

    return { 1, int(now), int(expires), used, max }
end
