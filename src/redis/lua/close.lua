-- close.lua: the site closes: end live sessions, whoever they belong to.
-- ARGV   1 how many at most
-- RETURN list of {id, host, container, epoch}, to be removed
-- ATOMIC whoever is given one has it, as with stop.lua

local out = {}

for _, id in ipairs(redis.call('ZRANGE', prefix .. 'live', 0,
                               tonumber(ARGV[1]) - 1))
do
    local stop = begin_stop(id, 'drained', 'none', '')

    if not stop then
        redis.call('ZREM', prefix .. 'live', id)
    elseif stop[2] == '' then
        finish(id, 'ended')
    else
        out[#out + 1] = stop
    end
end

return out
