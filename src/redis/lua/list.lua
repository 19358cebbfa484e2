-- list.lua: all live sessions, for administrators; never a password.
-- ARGV   1 how many at most
-- RETURN {now_ms, {field, value, ...}, ...}, oldest first; a field "flags"
--        has what the user record says of the owner

local FIELDS = { 'id', 'owner', 'username', 'state', 'since_ms', 'host',
                 'container', 'container_id', 'web_port', 'vnc_port',
                 'created_ms', 'expires_ms', 'extensions_used',
                 'extensions_max', 'message' }
local out = { int(now_ms()) }

for _, id in ipairs(redis.call('ZRANGE', prefix .. 'live', 0,
                               tonumber(ARGV[1]) - 1))
do
    local s = redis.call('HMGET', session_key(id), unpack(FIELDS))

    if s[1] then
        local row = { 'flags', table.concat(flags_of(s[2] or ''), ',') }

        for i, name in ipairs(FIELDS) do
            row[#row + 1] = name
            row[#row + 1] = s[i] or ''
        end

        out[#out + 1] = row
    end
end

return out
