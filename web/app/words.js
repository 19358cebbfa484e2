// What goes wrong, in words for a player.  Each code of the API has a title and
// what to do; `make docs-check` compares the codes with those the server sends.

const later = 'Please try again in a moment. If it stays like this, tell an '
            + 'organizer.';

// titles that several codes share
const host = ['Your desktop could not be started', later];
const page = ['The server did not accept this', 'Reload the page. If that does '
              + 'not help, tell an organizer.'];
const server = ['The server has a problem', later];
const store = ['The server is not available at the moment',
               'Desktops that run go on. This page tries again by itself.'];

const words = {
    // the only one that is not the API's: no answer came
    network: ['The server cannot be reached', 'Check your network connection. '
              + 'This page tries again by itself.'],

    login_required: ['You are logged out', 'Log in again to see your desktop.'],
    signature_missing: page,
    signature_malformed: page,
    signature_wrong: page,
    signature_old: page,
    signature_replayed: page,
    csrf: ['This page is out of date', 'Reload it and try again.'],
    banned: ['This account is banned', 'Please talk to an organizer.'],
    account_gone: ['This account is not known here any more',
                   'Log in again. If that does not help, talk to an '
                   + 'organizer.'],
    not_verified: ['Please confirm your e-mail address first',
                   'Then you can start a desktop.'],
    admin_only: ['Only administrators may do this',
                 'Log in as an administrator, then try again.'],
    forbidden: ['This is somebody else’s desktop',
                'You can only open your own.'],
    bad_origin: ['This page was opened under another address',
                 'Open it under the address of the site itself. If you did, '
                 + 'tell an organizer: a proxy may change the address.'],
    bad_request: page,
    not_found: page,
    method_not_allowed: page,
    websocket_required: ['The connection does not get through',
                         'Either the desktop itself does not answer, or '
                         + 'something on the way does not pass WebSockets on. '
                         + 'Try a new desktop or another network. If it stays '
                         + 'like this, tell an organizer.'],
    internal: server,
    no_memory: ['The server is overloaded', later],

    no_session: ['This desktop is gone', 'You can start a new one.'],
    no_such_host: page,
    session_exists: ['You have a desktop already',
                     'Reload this page to see it.'],
    creation_in_progress: ['Your desktop is being started already',
                           'Reload this page to see how far it is.'],
    not_ready: ['Your desktop is still starting',
                'Try again in a few seconds.'],
    mode_not_offered: ['There is no terminal here',
                       'This session does not offer one.'],
    view_not_offered: ['This desktop cannot be watched',
                       'It was started before that was possible.'],
    expired: ['The time of this desktop is over', 'You can start a new one.'],
    ended: ['This desktop was stopped', 'You can start a new one.'],
    max_extensions: ['No more time can be added', 'All extensions are used.'],
    rate_limited: ['That was too often', 'Please wait until the button can be '
                   + 'pressed again.'],
    draining: ['No time can be added', 'The server of this desktop is being '
               + 'emptied. You can start a new desktop afterwards.'],
    cancelled: ['Canceled', 'The desktop was not started.'],
    stale: ['Your desktop has changed meanwhile',
            'Reload this page to see it, then try again.'],
    no_capacity: ['All desktops are in use', 'Please try again in a few '
                  + 'minutes.'],
    host_too_small: ['No server is large enough for a desktop',
                     'Waiting does not help. Please tell an organizer.'],
    disabled: ['Remote desktops are switched off',
               'An organizer has done that for everybody. Check back later.'],
    queue_full: ['Too many players are waiting for a desktop',
                 'Please wait until the button can be pressed again.'],
    desktop_timeout: ['The desktop did not come up in time', later],
    desktop_connect: ['The desktop cannot be reached', 'Try again in a few '
                      + 'seconds. If it stays like this, start a new one.'],
    desktop_answer: ['The desktop gave an answer that is not passed on',
                     'If it stays like this, start a new one.'],
    desktop_silent: ['The desktop does not answer', 'It may be overloaded. If '
                     + 'it stays like this, start a new one.'],

    redis_down: store,
    redis_lost: store,
    redis_timeout: store,
    redis_queue_full: store,
    redis_too_old: store,
    redis_reply: store,
    redis_refused: store,
    redis_no_write: ['Nothing can be changed at the moment', 'Desktops that '
                     + 'run go on. Please try again in a moment. If it stays '
                     + 'like this, tell an organizer.'],

    ssh_connect: host,
    ssh_timeout: host,
    ssh_host_key: host,
    ssh_auth: host,
    ssh_algorithm: host,
    ssh_channel: host,
    ssh_lost: host,
    ssh_answer: host,
    ssh_pool_full: host,

    docker_connect: host,
    docker_timeout: host,
    docker_answer: host,
    docker_refused: host,
    docker_disk_full: host,
    docker_no_image: host,
    docker_name_taken: host,
    docker_gone: host,
    docker_ports: host,
};

const forOrganizers = [host, page, server, store, words.redis_no_write];
const passing = [words.network, words.no_memory, server, store];
const tellsSo = [words.network, store];


// { title, text, detail, link; passing: it is no refusal, and may be over at
// any time; tried: text says that the page tries again }
export function explain(problem) {
    const { code, message } = problem;
    const known = words[code];
    const [title, text] = known ?? server;
    let detail = '';

    if ((!known || code === 'host_too_small') && message) {
        detail = sentence(message);
    } else if (forOrganizers.includes(known)) {
        detail = `Code for organizers: ${code}`;
    }

    return {
        title,
        text,
        detail,
        passing: passing.includes(known ?? server),
        tried: tellsSo.includes(known),
        link: code === 'not_verified'
            ? { href: '/confirm', text: 'Confirm e-mail address' } : null,
    };
}


// who comes from the login page and is not logged in; by "reason" of the API
const loginLoop = {
    no_cookie: 'You come from the login page, but your browser sent no login '
        + 'to this address. Try once more. If it stays like this, tell an '
        + 'organizer: the cookie of CTFd does not reach /remote-desktop.',
    cookie_refused: 'You come from the login page, but this login is not '
        + 'accepted here. Try once more. If it stays like this, tell an '
        + 'organizer: the error log of nginx has the reason.',
};


export function loginLost(reason) {
    return loginLoop[reason] ?? '';
}


// what the gate closes an open WebSocket with
const farewells = {
    4001: words.expired,
    4002: words.ended,
    4003: words.login_required,
    4004: words.banned,
    4005: ['This desktop is no longer open to you',
           'Your rights have changed.'],
    4006: words.disabled,
};


// null: the code says nothing
export function farewell(code) {
    if (!(code in farewells)) {
        return null;
    }

    const [title, text] = farewells[code];

    return { title, text };
}


export function sentence(text) {
    if (text === '') {
        return '';
    }

    const capital = text.charAt(0).toUpperCase() + text.slice(1);

    return /[.!?…]$/.test(capital) ? capital : capital + '.';
}


// 61 -> "1:01", 3661 -> "1:01:01"
export function clock(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    const two = (n) => String(n).padStart(2, '0');
    const hours = Math.floor(s / 3600);
    const minutes = Math.floor(s / 60) % 60;

    return hours ? `${hours}:${two(minutes)}:${two(s % 60)}`
                 : `${minutes}:${two(s % 60)}`;
}


// 37 -> "about 40 s", 130 -> "about 3 min"; number and unit stay on one line
export function about(seconds) {
    if (seconds > 55) {
        return `about ${Math.ceil(seconds / 60)}\u00a0min`;
    }

    return `about ${Math.max(5, Math.ceil(seconds / 5) * 5)}\u00a0s`;
}


// 1 -> "1st", 12 -> "12th", 23 -> "23rd"
export function ordinal(n) {
    const last = n % 10;
    const teen = n % 100 > 10 && n % 100 < 14;
    const ending = !teen && { 1: 'st', 2: 'nd', 3: 'rd' }[last];

    return `${n}${ending || 'th'}`;
}
