// What goes wrong, in words for a player.  Codes are those of the API; one
// that is not listed gets the sentence the server sent.

const ours = 'Something went wrong on our end';
const later = 'Please try again in a moment. If it stays like this, tell an '
            + 'organiser.';

const words = {
    network: ['The server cannot be reached',
              'Check your connection; then try again.'],
    csrf: ['This page is out of date', 'Reload it and try again.'],
    banned: ['This account is banned', 'Please talk to an organiser.'],
    not_verified: ['Please confirm your e-mail address first',
                   'Then you can start a desktop.'],
    no_capacity: ['All desktops are in use', 'Please try again in a few '
                  + 'minutes.'],
    jobs_full: ['Too many desktops are being started', 'Please try again in a '
                + 'minute.'],
    desktop_timeout: ['The desktop did not come up in time', later],
    no_session: ['This desktop is gone', 'You can start a new one.'],
    expired: ['The time of this desktop is over', 'You can start a new one.'],
    disabled: ['Remote desktops are switched off',
               'An organiser has done that for everybody. Check back later.'],
    mode_not_offered: ['There is no terminal here',
                       'This session does not offer one.'],
    cancelled: ['Cancelled', 'The desktop was not made.'],
    max_extensions: ['No more time can be added', 'All extensions are used.'],
};


export function explain(problem) {
    const { code, message } = problem;
    const [title, text] = words[code] ?? [ours, later];

    return {
        title,
        text,
        detail: code in words || !message ? '' : sentence(message),
        link: code === 'not_verified'
            ? { href: '/confirm', text: 'Confirm e-mail address' } : null,
    };
}


// what the gate closes an open WebSocket with
const farewells = {
    4001: ['The time of this desktop is over', 'You can start a new one.'],
    4002: ['This desktop was stopped', 'You can start a new one.'],
    4003: ['You are logged out', 'Log in again to see your desktop.'],
    4004: ['This account is banned', 'Please talk to an organiser.'],
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


function sentence(text) {
    const capital = text.charAt(0).toUpperCase() + text.slice(1);

    return /[.!?]$/.test(capital) ? capital : capital + '.';
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
