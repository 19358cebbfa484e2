// The API of the desktop: one function per call.  Each gives the JSON of the
// answer or throws a Problem.

const base = '/remote-desktop/api/';
const usual = 15000;        // ms; a worker that lost Redis answers much sooner
const waitMax = 3600;       // s; of a Retry-After
const pauses = [200, 1000]; // ms, before a question that was lost is put again


// code is the API's, or 'network' when there was no answer of its kind.  more:
// { loginUrl, reason } of 'login_required'; { retryAfter } in seconds when the
// server asks to wait.
export class Problem extends Error {
    constructor(code, sentence, more) {
        super(sentence);
        this.code = code;
        Object.assign(this, { retryAfter: 0 }, more);
    }
}


let patience = usual;       // ms

// On a path that has died each connection the browser still keeps has to be
// given up by a timeout; without ms as usual.
export function hurry(ms = usual) {
    patience = ms;
}


export const status = () => get('status');
export const creation = () => get('creation-status');

// of another user: the view-only password
export const credentials = (user) =>
    get(user === undefined ? 'credentials' : `credentials?user=${user}`);


// tells operators of a login whose cookie does not come here; says nothing new
export const loginLost = () => call('status?after=login', {}).catch(() => {});

// why a WebSocket of this path was refused: throws the gate's refusal, or
// 'websocket_required' when it has none.  Browsers send no Origin with it, so
// the page names its own.
export const why = (path) => call(path, {
    headers: { 'X-RD-Origin': location.origin },
});

export const create = () => post('create');
export const destroy = () => post('destroy');
export const extend = () => post('extend');


let nonce = null;

async function post(name) {
    const known = nonce !== null;

    try {
        return await send(name);
    } catch (problem) {
        // the nonce changes with every login, also in another tab
        if (problem.code !== 'csrf' || !known) {
            throw problem;
        }
    }

    nonce = null;
    return send(name);
}


async function send(name) {
    if (nonce === null) {
        nonce = (await get('csrf')).nonce;
    }

    return call(name, { method: 'POST', headers: { 'CSRF-Token': nonce } });
}


// a browser drops what is under way when an interface comes or goes, which is
// what a container does on a machine that is both host and desk
async function get(name) {
    for (const pause of pauses) {
        try {
            return await call(name, {});
        } catch (problem) {
            if (problem.code !== 'network') {
                throw problem;
            }
        }

        await new Promise((resolve) => setTimeout(resolve, pause));
    }

    return call(name, {});
}


async function call(name, options) {
    let response, answer;

    try {
        response = await fetch(new URL(name, location.origin + base), {
            ...options,
            headers: { Accept: 'application/json', ...options.headers },
            credentials: 'same-origin',
            cache: 'no-store',
            redirect: 'error',
            signal: AbortSignal.timeout(patience),
        });
        answer = await response.json();
    } catch {
        throw new Problem('network', 'the server did not answer');
    }

    if (!response.ok) {
        throw new Problem(answer.code ?? 'internal', answer.error ?? '', {
            loginUrl: answer.login_url,
            reason: answer.reason,
            retryAfter: seconds(response.headers.get('Retry-After')),
        });
    }

    return answer;
}


// of a Retry-After; 0 when there is none
function seconds(text) {
    return Math.min(Math.max(parseInt(text, 10) || 0, 0), waitMax);
}
