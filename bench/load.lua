-- load.lua PREFIX FILE, for wrk: requests for PREFIX + path with a cookie, one
-- line of FILE after the other; prints one line that a program can read.

local requests, at = {}, 0

function init(args)
    for line in io.lines(args[2]) do
        local path, cookie = line:match('^(%S+) (%S+)$')
        requests[#requests + 1] = wrk.format('GET', args[1] .. path,
                                             { ['Cookie'] = cookie,
                                               ['Host'] = 'localhost' })
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary, latency)
    local e = summary.errors

    print(string.format('load requests=%d seconds=%f bad=%d p50=%d p99=%d',
                        summary.requests, summary.duration / 1e6,
                        e.connect + e.read + e.write + e.status + e.timeout,
                        latency:percentile(50), latency:percentile(99)))
end
