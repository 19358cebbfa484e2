-- find.lua: look.lua for gates: of each record only what a gate must know, as
-- one text, for this is read at every door, and each item of an array costs the
-- worker that reads it two blocks of memory.
-- ARGV   1 user id  ... as many as were asked for in one turn of a worker
-- RETURN now_ms, switch "on" | "off"; then for each of them "live" | "last" |
--        "none", owner_banned "0" | "1", values of FIELDS: each behind a NUL

local FIELDS = { 'id', 'state', 'address', 'web_port', 'terminal_port',
                 'expires_ms', 'team_id', 'reason' }

local off = redis.call('EXISTS', prefix .. 'switch') == 1 and 'off' or 'on'
local out, n = { '', int(now_ms()), off }, 3
local owners = {}

for i, uid in ipairs(ARGV) do
    owners[i] = owner_key(uid)
end

local ids = redis.call('MGET', unpack(owners))

for i, uid in ipairs(ARGV) do
    local what, id = 'live', ids[i]

    if not id then
        what, id = 'last', redis.call('GET', last_key(uid))
    end

    local values = id and redis.call('HMGET', session_key(id), unpack(FIELDS))
                   or {}
    local banned = redis.call('HGET', prefix .. 'user:' .. uid, 'banned')

    out[n + 1] = values[1] and what or 'none'
    out[n + 2] = banned == '1' and '1' or '0'
    n = n + 2

    for k = 1, #FIELDS do
        n = n + 1
        out[n] = values[k] or ''
    end
end

return table.concat(out, '\0')
