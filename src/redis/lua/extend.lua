-- extend.lua: more time for the live session of a user.
-- ARGV   1 user id  2 so often at most  3 in so many ms  4 digest of the login
-- RETURN {1, now_ms, expires_ms, used, max} | {0, why}: "none", "not_ready",
--        "expired", "max" | {-2, ms until the next is allowed}
-- ATOMIC compare and set, so that two clicks use two extensions or one is
--        refused; only what would have been given counts for the rate

local uid, login = ARGV[1], ARGV[4] or ''
local id = redis.call('GET', owner_key(uid))

if not id or not belongs(id, uid, login) then
    return { 0, 'none' }
end

adopt(id, uid, login)

local s = redis.call('HMGET', session_key(id), 'state', 'expires_ms',
                     'extensions_used', 'extensions_max')

if s[1] == 'ready' and tonumber(s[2]) > now_ms()
   and tonumber(s[3]) < tonumber(s[4]) and get(id, 'drain_ms') == ''
then
    local wait = rate(uid, 'extend', ARGV[2], ARGV[3])

    if wait > 0 then
        return { -2, int(wait) }
    end
end

return extend(id)
