-- prolong.lua: an administrator gives a session more time.
-- ARGV   1 session id, or "" for the live one of the user  2 user id
--        3 id and  4 name of the administrator
-- RETURN as extend.lua
-- It is one of the extensions that the user has.

local id = ARGV[1]

if id == '' then
    id = redis.call('GET', owner_key(ARGV[2])) or ''
end

local done = extend(id)

if done[1] == 1 then
    audit(ARGV[3], ARGV[4], 'info', 'extended session for', id,
          { action = 'extend' })
end

return done
