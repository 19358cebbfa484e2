-- renew.lua: the worker still drives these sessions.
-- ARGV   1 lease, ms; then per session: id, epoch
-- RETURN list of ids that are somebody else's by now

local until_ms = int(now_ms() + tonumber(ARGV[1]))
local lost = {}

for i = 2, #ARGV, 2 do
    local s = redis.call('HMGET', session_key(ARGV[i]), 'state', 'epoch')

    if s[2] == ARGV[i + 1] and (s[1] == 'creating' or s[1] == 'starting') then
        redis.call('ZADD', prefix .. 'lease', until_ms, ARGV[i])
    else
        lost[#lost + 1] = ARGV[i]
    end
end

return lost
