-- sweep_judge.lua: what containers of a host have to do with our records.
-- ARGV   1 host  2 number of the sweep  3 ms when it began
--        4 "1": these are the first of the list
--        then per container: id, session id, installation, state (running
--        gone unknown), age in s, or -1 when the engine did not say
-- RETURN {1, {id of a container to remove, ...},
--         {session id, tunnels, ...} of containers that would have to be
--         removed but are in use; each is told once}
--        {0} a later sweep has been begun
-- The list comes in pieces, so that no call keeps Redis from others for long.
-- What was seen stands in seen:HOST for sweep_missing.lua.
--
-- A record is only judged when it last changed before the list was asked for:
-- the list knows nothing of what was made since.  One that is being created or
-- started belongs to the worker that drives it: he may be about to replace its
-- container, or has removed it and not yet said why.
-- A container of another installation, or of none, may have a record that this
-- Redis does not know: it is left alone unless it is that of a session here.

local ORPHAN_S = 30
local SEEN_TTL_MS = 600000

local host, began = ARGV[1], tonumber(ARGV[3])
local seen = prefix .. 'seen:' .. host

if redis.call('HGET', sweep_key(host), 'number') ~= ARGV[2] then
    return { 0 }
end

if ARGV[4] == '1' then
    redis.call('DEL', seen)
end

local installation = redis.call('GET', prefix .. 'installation')
local orphans, in_use, there = {}, {}, {}

for i = 5, #ARGV, 5 do
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
        if state ~= 'gone' then
            there[#there + 1] = id
        end

    elseif ours and age >= ORPHAN_S then
        local tunnels, first

        if not s[1] then
            tunnels, first = held(id)
        end

        if not tunnels then
            orphans[#orphans + 1] = cid

        elseif first then
            in_use[#in_use + 1] = id
            in_use[#in_use + 1] = int(tunnels)
        end
    end
end

if #there > 0 then
    redis.call('SADD', seen, unpack(there))
    redis.call('PEXPIRE', seen, SEEN_TTL_MS)
end

return { 1, orphans, in_use }
