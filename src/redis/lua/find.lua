-- find.lua: look.lua for gates: of each record only what a gate must know, as
-- one text, for this is read at every door, and each item of an array costs the
-- worker that reads it two blocks of memory.
-- ARGV   1 user id  ... as many as were asked for in one turn of a worker
-- RETURN now_ms, switch "on" | "off"; then for each of them "live" | "last" |
--        "none", owner_banned "0" | "1", tag, hash and team_id of the user
--        record, what for_gates() says: each value behind a NUL
-- Of a ready session the text is there already: half of Redis' time for it.

local off = redis.call('EXISTS', prefix .. 'switch') == 1 and 'off' or 'on'
local out = { '', int(now_ms()), off }
local keys = {}

for i, uid in ipairs(ARGV) do
    keys[i] = ready_key(uid)
end

local ready = redis.call('MGET', unpack(keys))

for i, uid in ipairs(ARGV) do
    local what, text = 'live', ready[i]
    local u = redis.call('HMGET', prefix .. 'user:' .. uid, 'banned', 'tag',
                         'hash', 'team_id')

    if not text or string.sub(text, -2) ~= GATES_END then
        local id = redis.call('GET', owner_key(uid))

        if not id then
            what, id = 'last', redis.call('GET', last_key(uid)) or ''
        end

        text = for_gates(id)

        -- it begins with the id
        if string.sub(text, 1, 1) == '\0' then
            what = 'none'
        end
    end

    out[i + 3] = what .. (u[1] == '1' and '\0001\0' or '\0000\0')
                 .. plain(u[2]) .. '\0' .. plain(u[3]) .. '\0' .. plain(u[4])
                 .. '\0' .. text
end

return table.concat(out, '\0')
