-- look.lua: what a user has: his live session, else his last one.
-- ARGV   1 user id
-- RETURN {now_ms, "live" | "last" | "none", {field, value, ...}}

local uid = ARGV[1]

for _, what in ipairs({ 'live', 'last' }) do
    local id = redis.call('GET', what == 'live' and owner_key(uid)
                                 or last_key(uid))
    local fields = id and redis.call('HGETALL', session_key(id)) or {}

    if #fields > 0 then
        return { int(now_ms()), what, fields }
    end
end

return { int(now_ms()), 'none', {} }
