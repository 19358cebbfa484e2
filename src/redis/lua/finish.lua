-- finish.lua: the provider said that the container is gone.
-- ARGV   1 session id  2 epoch
-- RETURN {1, state} | {-1, state}

local id = ARGV[1]
local s = redis.call('HMGET', session_key(id), 'state', 'epoch', 'reason')

if s[1] ~= 'stopping' or s[2] ~= ARGV[2] then
    return { -1, s[1] or 'none' }
end

local to = s[3] == 'failed' and 'failed' or 'ended'
finish(id, to)

return { 1, to }
