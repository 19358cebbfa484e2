-- host_due.lua: which hosts are to be probed now, and by nobody else.
-- ARGV   1 how long a probe may take, ms  2 "1": at once, whenever the next
--        one was to be  3... names of hosts
-- RETURN {ms until the next one, {name, number of the probe}, ...}
-- ATOMIC who is given a host has it until the probe has taken too long; the
--        number says later whose answer counts

-- A worker that dies takes its probe along, so the first that is not answered
-- says nothing of the host; but a host whose probes never end is no good.

local UNANSWERED_MAX = 3

local now = now_ms()
local limit, all = tonumber(ARGV[1]), ARGV[2] == '1'
local wait = limit
local out = { 0 }

for i = 3, #ARGV do
    local key = host_key(ARGV[i])
    local due = tonumber(redis.call('HGET', key, 'next_ms') or 0)

    if all or due <= now then
        local lost = all and 0
                     or tonumber(redis.call('HGET', key, 'unanswered') or 0)

        if lost >= UNANSWERED_MAX then
            redis.call('HSET', key, 'error', 'ssh_timeout',
                       'detail', ARGV[i] .. ': its probes do not end')
            host_health(ARGV[i], 'down', 'unreachable')
        end

        redis.call('HSET', key, 'unanswered', lost + 1)
        due = now + limit
        redis.call('HSET', key, 'next_ms', int(due))
        keep(key)
        out[#out + 1] = { ARGV[i], redis.call('HINCRBY', key, 'probe', 1) }
    end

    wait = math.min(wait, due - now)
end

out[1] = wait

return out
