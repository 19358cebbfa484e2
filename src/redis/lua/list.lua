-- list.lua: all live sessions, for administrators; never a password.
-- ARGV   1 how many at most
-- RETURN {now_ms, {field, value, ...}, ...}, oldest first; a field "flags"
--        has what the user record says of the owner, "tunnels" how many are
--        open

local FIELDS = { 'id', 'owner', 'username', 'state', 'since_ms', 'host',
                 'container', 'container_id', 'web_port', 'vnc_port',
                 'created_ms', 'expires_ms', 'extensions_used',
                 'extensions_max', 'message' }
local tunnels = {}

for _, worker in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'viewers',
                                   '(' .. int(now_ms()), '+inf'))
do
    local open = redis.call('HGETALL', prefix .. 'viewers:' .. worker)

    for i = 1, #open, 2 do
        tunnels[open[i]] = (tunnels[open[i]] or 0) + open[i + 1]
    end
end

local out = { int(now_ms()) }

for _, id in ipairs(redis.call('ZRANGE', prefix .. 'live', 0,
                               tonumber(ARGV[1]) - 1))
do
    local s = redis.call('HMGET', session_key(id), unpack(FIELDS))

    if s[1] then
        local row = { 'flags', table.concat(flags_of(s[2] or ''), ','),
                      'tunnels', int(tunnels[id] or 0) }

        for i, name in ipairs(FIELDS) do
            row[#row + 1] = name
            row[#row + 1] = s[i] or ''
        end

        out[#out + 1] = row
    end
end

return out
