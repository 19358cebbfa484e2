-- sweep_due.lua: which hosts are to be swept now, and by nobody else.
-- ARGV   1 ms between sweeps of a host  2 hosts at most
--        3... names of hosts
-- RETURN {ms until the next one, now_ms, {name, number of the sweep}, ...}
-- ATOMIC who is given a host leads its sweep until the next one is due; the
--        number fences off whoever comes later with an old one
-- A host that its probes cannot reach can say nothing: it is passed over.

local ANSWERS = { no_image = 1, disk = 1, too_small = 1 }   -- though down

local now = now_ms()
local interval, max = tonumber(ARGV[1]), tonumber(ARGV[2])
local wait = interval
local out = { 0, int(now) }

for i = 3, #ARGV do
    local key = sweep_key(ARGV[i])
    local due = tonumber(redis.call('HGET', key, 'next_ms') or 0)
    local h = redis.call('HMGET', host_key(ARGV[i]), 'health', 'reason')
    local away = h[1] == 'down' and not ANSWERS[h[2]]

    if not away and #out - 2 < max and due <= now then
        due = now + interval
        redis.call('HSET', key, 'next_ms', int(due), 'began_ms', int(now))
        keep(key)
        out[#out + 1] = { ARGV[i], redis.call('HINCRBY', key, 'number', 1) }
    end

    if not away then
        wait = math.min(wait, due - now)
    end
end

out[1] = math.max(wait, 0)

return out
