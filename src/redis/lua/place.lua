-- place.lua: choose the host for a queued session and take a slot on it.
-- ARGV   1 session id  2 epoch  3 driver  4 attempts at most
--        5 container name, written down before the provider is asked
--        then per host: name, weight, sessions at most
-- RETURN {1, host, epoch, owner, account, password, initial_s, extension_s,
--         extensions_max, attempt}
--        {0, why} nothing fits: "full", or "tried" when every host had its try
--        {-1, state} the session is no longer ours
-- ATOMIC the choice and the reservation: the best by weight / (count + 1),
--        ties by name; asked again by the same driver it answers the same

local id, epoch, driver = ARGV[1], ARGV[2], ARGV[3]
local key = session_key(id)
local s = redis.call('HMGET', key, 'state', 'epoch', 'driver', 'host', 'tried',
                     'attempts')

local function placed(host)
    local f = redis.call('HMGET', key, 'epoch', 'owner', 'account',
                         'vnc_password', 'initial_s', 'extension_s',
                         'extensions_max', 'attempts')
    return { 1, host, f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8] }
end

if s[1] == 'creating' and s[3] == driver
   and tonumber(s[2]) == tonumber(epoch) + 1
then
    return placed(s[4])
end

if s[1] ~= 'queued' or s[2] ~= epoch then
    return { -1, s[1] or 'none' }
end

if tonumber(s[6]) >= tonumber(ARGV[4]) then
    return { 0, 'tried' }
end

local tried = {}
for name in string.gmatch(s[5] or '', '[^,]+') do
    tried[name] = true
end

local best, best_score
local full = false

for i = 6, #ARGV, 3 do
    local name, weight, max = ARGV[i], tonumber(ARGV[i + 1]),
                              tonumber(ARGV[i + 2])

    if not tried[name] then
        local count = redis.call('SCARD', slots_key(name))
        local score = weight / (count + 1)

        if count >= max then
            full = true

        elseif not best or score > best_score
               or (score == best_score and name < best)
        then
            best, best_score = name, score
        end
    end
end

if not best then
    return { 0, full and 'full' or 'tried' }
end

redis.call('SADD', slots_key(best), id)
redis.call('HINCRBY', key, 'epoch', 1)
redis.call('HINCRBY', key, 'attempts', 1)
redis.call('HSET', key, 'state', 'creating', 'since_ms', int(now_ms()),
           'driver', driver, 'host', best, 'container', ARGV[5],
           'step', 'starting_container',
           'message', 'Starting container on ' .. best .. '...')
note(id, 'creating')

return placed(best)
