-- gate.lua: the gate's warm decision as lua-nginx would take it.  A signed
-- cookie is checked, two looks into a shared dict say who he is and which
-- desktop he asks for.  gate.fill(file) puts them there: lines of
-- "sid user desktop-state expires address".

local gate = {}

local hmac = ngx.hmac_sha1
local encode = ngx.encode_base64
local find = string.find
local sub = string.sub

local dict = ngx.shared.gate
local key

function gate.fill(file, secret)
    key = secret

    for line in io.lines(file) do
        local sid, user, state, expires, address =
            line:match('^(%S+) (%S+) (%S+) (%S+) (%S+)$')

        dict:set('who:' .. sid, user .. ' user 0')
        dict:set('desk:' .. user, state .. ' ' .. expires .. ' ' .. address)
    end
end

local function url_safe(text)
    return (text:gsub('[+/=]', { ['+'] = '-', ['/'] = '_', ['='] = '' }))
end

-- not at the first byte that differs, as ours does
local function equal(a, b)
    if #a ~= #b then
        return false
    end

    local differ = 0
    for i = 1, #a do
        differ = bit.bor(differ, bit.bxor(a:byte(i), b:byte(i)))
    end

    return differ == 0
end

function gate.decide(owner)
    local cookie = ngx.var.cookie_session
    local dot = cookie and find(cookie, '.', 1, true)

    if not dot then
        return ngx.exit(401)
    end

    local sid = sub(cookie, 1, dot - 1)

    if not equal(url_safe(encode(hmac(key, sid))), sub(cookie, dot + 1)) then
        return ngx.exit(401)
    end

    local who = dict:get('who:' .. sid)
    local at = who and find(who, ' ', 1, true)

    if not at then
        return ngx.exit(401)
    end

    if sub(who, -1) == '1' then
        return ngx.exit(403)
    end

    if sub(who, 1, at - 1) ~= owner and sub(who, at + 1, -3) ~= 'admin' then
        return ngx.exit(403)
    end

    local desk = dict:get('desk:' .. owner)

    if not desk then
        return ngx.exit(404)
    end

    local space = find(desk, ' ', 1, true)
    local next_space = find(desk, ' ', space + 1, true)

    if sub(desk, 1, space - 1) ~= 'ready' then
        return ngx.exit(409)
    end

    if tonumber(sub(desk, space + 1, next_space - 1)) <= 1000 * ngx.now() then
        return ngx.exit(410)
    end

    ngx.var.backend = sub(desk, next_space + 1)
    ngx.req.clear_header('Cookie')
    ngx.req.clear_header('Authorization')
    ngx.req.clear_header('CSRF-Token')
end

return gate
