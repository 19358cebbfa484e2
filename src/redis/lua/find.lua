-- find.lua: look.lua for a gate: of the record only what a gate must know, as
-- one text, for this is read at every door, and each item of an array costs the
-- worker that reads it two blocks of memory.
-- ARGV   1 user id
-- RETURN now_ms, "live" | "last" | "none", switch "on" | "off",
--        owner_banned "0" | "1", values of FIELDS: each behind a NUL

local FIELDS = { 'id', 'state', 'owner', 'host', 'address', 'web_port',
                 'vnc_port', 'terminal_port', 'expires_ms', 'team_id',
                 'reason' }

local uid = ARGV[1]
local what = 'live'
local id = redis.call('GET', owner_key(uid))

if not id then
    what, id = 'last', redis.call('GET', last_key(uid))
end

local values = id and redis.call('HMGET', session_key(id), unpack(FIELDS))
               or {}

if not values[1] then
    what = 'none'
end

for i = 1, #FIELDS do
    values[i] = values[i] or ''
end

local off = redis.call('EXISTS', prefix .. 'switch') == 1
local banned = redis.call('HGET', prefix .. 'user:' .. uid, 'banned') == '1'

return '\0' .. table.concat({ int(now_ms()), what, off and 'off' or 'on',
                              banned and '1' or '0', unpack(values) }, '\0')
