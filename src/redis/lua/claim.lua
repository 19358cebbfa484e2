-- claim.lua: one new session for a user who has no live one.
-- ARGV   1 session id  2 user id  3 user name  4 account name inside
--        5 VNC passwords, a line each: to use it, to watch it
--        6 seconds at first  7 seconds of an extension
--        8 extensions at most  9 provider  10 so often at most
--        11 in so many ms  12 sessions waiting at most  13 team id, or 0
--        14 digest of the login, or ''
--        then name and weight of hosts, as the event is to tell them
-- RETURN {1, id} it waits for its turn | {0, id, state} of the one he has
--        {1, id, id, host, container, epoch} it waits; the rest is what another
--        account with this user id had, to be removed
--        {-1, how many wait} the queue is full
--        {-2, ms until the next is allowed}  {-3} switched off
--        {-4, sentence} no host can ever hold a desktop
--        {-5} the user record is of another login
-- ATOMIC the look and the claim, so that two clicks make one session

local TELL_HOSTS = 32       -- in the event

local id, uid, login = ARGV[1], ARGV[2], ARGV[14] or ''
local password, view_password = string.match(ARGV[5], '^(%C*)\n?(%C*)$')
local has = redis.call('GET', owner_key(uid))
local tag, hash = account_of(uid)
local foreign

if login ~= '' and hash ~= '' and login ~= hash then
    return { -5 }
end

if has then
    local state = get(has, 'state')

    if LIVE[state] and not belongs(has, uid, login) then
        foreign = has

    elseif LIVE[state] then
        adopt(has, uid, login)
        event(has, 'session_error', 'warning',
              'attempted to create session but '
              .. (state == 'ready' and 'already exists'
                  or 'creation already in progress'), {})
        return { 0, has, state }
    end
end

if redis.call('EXISTS', prefix .. 'switch') == 1 then
    return { -3 }
end

local names = {}

for i = 15, #ARGV, 2 do
    names[#names + 1] = ARGV[i]
end

local never = all_too_small(names)

if never then
    return { -4, never }
end

local waiting = redis.call('ZCARD', prefix .. 'queue')

if waiting >= tonumber(ARGV[12]) then
    return { -1, waiting }
end

-- of two accounts that the record tells apart, each has its own count
if foreign and not belongs(foreign, uid, '') then
    redis.call('DEL', rate_key(uid, 'create'), rate_key(uid, 'destroy'),
               rate_key(uid, 'extend'))
end

local wait = rate(uid, 'create', ARGV[10], ARGV[11])

if wait > 0 then
    return { -2, int(wait) }
end

local stop = foreign and disown(foreign) or {}
local now = int(now_ms())
local seq = redis.call('INCR', prefix .. 'seq')

-- what is read for gates stands first: Redis looks for a field from the
-- beginning
redis.call('HSET', session_key(id), 'id', id, 'state', 'queued', 'address', '',
           'web_port', '', 'terminal_port', '', 'expires_ms', '',
           'team_id', ARGV[13], 'reason', '', 'ssh_port', '', 'created_ms', now,
           'extensions_used', '0', 'extensions_max', ARGV[8],
           'account_tag', tag, 'login', login,
           'kind', 'desktop', 'provider', ARGV[9], 'owner', uid,
           'username', ARGV[3], 'account', ARGV[4], 'vnc_password', password,
           'view_password', view_password,
           'since_ms', now, 'epoch', '1', 'attempts', '0', 'tried', '',
           'seq', seq, 'initial_s', ARGV[6], 'extension_s', ARGV[7],
           'step', 'queued', 'message', 'Queued...')
redis.call('SET', owner_key(uid), id)
redis.call('DEL', ready_key(uid))       -- of a record that was lost
redis.call('SET', last_key(uid), id, 'PX', 7 * 86400000)
redis.call('ZADD', prefix .. 'live', now, id)

note(id, 'queued')
enqueue(id, seq)

-- what the choice will be made from; 0 for a host that is not fit
local hosts = {}

for i = 15, math.min(#ARGV, 14 + 2 * TELL_HOSTS), 2 do
    local h = redis.call('HMGET', host_key(ARGV[i]), 'health', 'mode')
    local count = redis.call('SCARD', slots_key(ARGV[i]))
    local healthy = h[1] ~= 'down' and (h[2] or 'active') == 'active'
    local weight = tonumber(ARGV[i + 1])

    hosts[ARGV[i]] = { containers = count, weight = weight, healthy = healthy,
                       score = healthy and math.floor(100 * weight
                                                      / (count + 1)) / 100
                               or 0 }
end

event(id, 'session_requested', 'info', 'requested remote desktop session',
      next(hosts) and { hosts = hosts } or {})

return { 1, id, unpack(stop) }
