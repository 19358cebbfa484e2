-- find.lua: look.lua for a gate: of the record only what a gate must know.
-- ARGV   1 user id
-- RETURN {now_ms, "live" | "last" | "none", {field, value, ...}}; switch is
--        one of the fields, also of none, and so is owner_banned

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

local fields = with_switch({})

if redis.call('HGET', prefix .. 'user:' .. uid, 'banned') == '1' then
    fields[#fields + 1] = 'owner_banned'
    fields[#fields + 1] = '1'
end

if not values[1] then
    return { int(now_ms()), 'none', fields }
end

for i, name in ipairs(FIELDS) do
    if values[i] then
        fields[#fields + 1] = name
        fields[#fields + 1] = values[i]
    end
end

return { int(now_ms()), what, fields }
