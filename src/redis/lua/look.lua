-- look.lua: what a user has: his live session, else his last one.
-- ARGV   1 user id  2 digest of the user's login, '' when somebody else asks
-- RETURN {now_ms, "live" | "last" | "none", {field, value, ...},
--         position, estimate_ms, reason, code}; the last four while it
--        waits, estimate_ms -1 when nobody can say; and switch is one of the
--        fields, also of none

local uid, login = ARGV[1], ARGV[2] or ''
local now = now_ms()

-- About how long the one at this place will wait: for a create slot as long as
-- starts take, for room until so many sessions end.  -1: nobody can say.
local function estimate(position, code)
    if code == 'full' then
        local next_end = redis.call('ZRANGE', prefix .. 'expiry', position - 1,
                                    position - 1, 'WITHSCORES')
        return next_end[2] and math.max(tonumber(next_end[2]) - now, 0) or -1

    elseif code ~= 'busy' and code ~= 'choosing' then
        return -1
    end

    local s = redis.call('HMGET', prefix .. 'pace', 'creates', 'mean_ms')
    local creates, mean = tonumber(s[1]) or 4, tonumber(s[2]) or 2000

    return math.ceil(position / creates) * mean
end

for _, what in ipairs({ 'live', 'last' }) do
    local id = redis.call('GET', what == 'live' and owner_key(uid)
                                 or last_key(uid))
    local fields = id and belongs(id, uid, login)
                   and redis.call('HGETALL', session_key(id)) or {}

    if #fields > 0 then
        with_switch(fields)
        local rank = what == 'live' and redis.call('ZRANK', prefix .. 'queue',
                                                   id)
        if not rank then
            return { int(now), what, fields }
        end

        local reason = redis.call('GET', prefix .. 'queue_reason')
        local code = reason and redis.call('HGET', prefix .. 'pace', 'code')
                     or 'choosing'

        return { int(now), what, fields, rank + 1,
                 int(estimate(rank + 1, code)),
                 reason or 'a host is being chosen', code }
    end
end

return { int(now), 'none', with_switch({}) }
