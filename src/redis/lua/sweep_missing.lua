-- sweep_missing.lua: end sessions whose container was not in the list.
-- ARGV   1 host  2 number of the sweep  3 ms when it began
-- RETURN {1, more, {{session id, host, container, epoch}, ...} that have begun
--         to end}; more "1": there may be others, ask again
--        {0} a later sweep has been begun
-- ATOMIC the look and the beginning of the end
--
-- To be called when sweep_judge.lua has seen the whole list.

local AT_MOST = 100

local host, began = ARGV[1], tonumber(ARGV[3])
local seen = prefix .. 'seen:' .. host

if redis.call('HGET', sweep_key(host), 'number') ~= ARGV[2] then
    return { 0 }
end

local ended = {}

for _, id in ipairs(redis.call('SDIFF', slots_key(host), seen)) do
    local s = redis.call('HMGET', session_key(id), 'state', 'host', 'since_ms')

    if s[1] == 'ready' and s[2] == host and tonumber(s[3]) < began then
        ended[#ended + 1] = begin_stop(id, 'reconciliation', 'none', '')

        if #ended == AT_MOST then
            return { 1, 1, ended }
        end
    end
end

redis.call('DEL', seen)

return { 1, 0, ended }
