-- census.lua: how many sessions there are of each state, and how the hosts are.
-- ARGV   names of hosts
-- RETURN {queued, creating, starting, ready, stopping, then per host: health
--        (unknown when nobody has asked it), mode, slots held, time of the
--        last sweep that went well in ms (0: none yet)}
-- ATOMIC so that no session is counted twice.  Only those that are not ready
--        are looked at one by one; they are the newest.

local CHUNK = 100

local count = { queued = 0, creating = 0, starting = 0 }
local ready = redis.call('ZCARD', prefix .. 'expiry')
local left = redis.call('ZCARD', prefix .. 'live') - ready
local at = 0

while left > 0 do
    local ids = redis.call('ZRANGE', prefix .. 'live', at, at + CHUNK - 1,
                           'REV')

    if #ids == 0 then
        break
    end

    for _, id in ipairs(ids) do
        local state = get(id, 'state')

        if count[state] then
            count[state] = count[state] + 1
            left = left - 1
        end
    end

    at = at + CHUNK
end

local answer = { count.queued, count.creating, count.starting, ready,
                 redis.call('ZCARD', prefix .. 'stopping') }

for _, host in ipairs(ARGV) do
    local h = redis.call('HMGET', host_key(host), 'health', 'mode')

    answer[#answer + 1] = h[1] or 'unknown'
    answer[#answer + 1] = h[2] or 'active'
    answer[#answer + 1] = redis.call('SCARD', slots_key(host))
    answer[#answer + 1] = redis.call('HGET', sweep_key(host), 'last_ok_ms')
                          or '0'
end

return answer
