-- sweep_judge.lua: what the containers of a host have to do with our records.
-- ARGV   1 host  2 number of the sweep  3 ms when it began
--        then per container: id, session id, installation, state (running
--        gone unknown), age in s, or -1 when the engine did not say
-- RETURN {1, {id of a container to remove, ...},
--         {{session id, host, container, epoch}, ...} that have begun to end}
--        {0} a later sweep has been begun
-- ATOMIC the look and the beginning of the end
--
-- A record is only judged when it last changed before the list was asked for:
-- the list knows nothing of what was made since.  One that is being created or
-- started belongs to the worker that drives it: he may be about to replace its
-- container, or has removed it and not yet said why.
-- A container of another installation, or of none, may have a record that this
-- Redis does not know: it is left alone unless it is that of a session here.

local ORPHAN_S = 30

local host, began = ARGV[1], tonumber(ARGV[3])

if redis.call('HGET', sweep_key(host), 'number') ~= ARGV[2] then
    return { 0 }
end

local installation = redis.call('GET', prefix .. 'installation')
local orphans, ended = {}, {}
local there = {}

for i = 4, #ARGV, 5 do
    local cid, id, state, age = ARGV[i], ARGV[i + 1], ARGV[i + 3],
                                tonumber(ARGV[i + 4])
    local ours = ARGV[i + 2] == installation
    local s = redis.call('HMGET', session_key(id), 'state', 'host',
                         'container_id', 'since_ms')
    local old = tonumber(s[4] or 0) < began
    local orphan

    if s[1] == 'stopping' then
        -- its removal is under way, and is asked for again until it is done
        orphan = (s[2] or '') ~= host and (s[2] or '') ~= ''

    elseif not LIVE[s[1]] then
        orphan = true

    elseif (s[2] or '') ~= '' and s[2] ~= host then
        orphan = old

    elseif s[1] == 'ready' then
        orphan = old and s[3] and s[3] ~= '' and s[3] ~= cid
    end

    if not orphan then
        there[id] = state
    elseif ours and age >= ORPHAN_S then
        orphans[#orphans + 1] = cid
    end
end

for _, id in ipairs(redis.call('SMEMBERS', slots_key(host))) do
    local s = redis.call('HMGET', session_key(id), 'state', 'host', 'since_ms')

    if s[1] == 'ready' and s[2] == host and tonumber(s[3]) < began
       and (there[id] or 'gone') == 'gone'
    then
        ended[#ended + 1] = begin_stop(id, 'reconciliation', 'none', '')
    end
end

return { 1, orphans, ended }
