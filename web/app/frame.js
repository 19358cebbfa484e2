// What the pages need that show a session full of window, its desktop and its
// terminal: the way in, the curtain in front of it while there is nothing to
// see, and what is said when it ends.  Each stands in a frame of the overview,
// or is a page of its own.

import * as api from './api.js';
import * as time from './clock.js';
import * as fullscreen from './fullscreen.js';
import { explain, farewell } from './words.js';

const pauses = [500, 1000, 2000, 4000, 8000, 8000];     // ms between tries
const hurried = 4000;       // ms for an answer, after a loss
const checkBack = 5000;         // ms, while an organiser has switched all off
const switchedOff = 4006;       // the code the gate closes with then
const reloads = 'rd-reloads';                       // of this page, in a row

export const $ = (id) => document.getElementById(id);

const place = location.pathname
    .match(/^\/remote-desktop\/(vnc|terminal)\/(\d+)\/$/);
const embedded = window.parent !== window;

let socketPath = '';        // of the WebSocket that was opened last
let way = null;             // in: open(session, credentials)
let tries = 0;
let timer = null;           // of the next one
let broken = false;         // a script is missing, and was not found again
let watched = false;        // somebody else's: leaving it loses nothing


function tell(word) {
    if (embedded) {
        window.parent.postMessage(word, location.origin);
    }
}


function curtain(view, title, text) {
    document.body.dataset.view = view;
    $('curtain').hidden = view === 'open';
    doubtful(false);
    $('title').textContent = title;
    $('text').textContent = text;
    $('again').hidden = view !== 'closed';
    $('back').hidden = view === 'connecting' || view === 'open' || embedded;
}


// nothing was heard for a while; what is shown may be old
export function doubtful(yes) {
    $('doubt').hidden = !yes;
}


// only a player's hand opens it again
export function closed(title, text, button) {
    curtain('closed', title, text);
    $('again').textContent = button ?? 'Reconnect';
    $('again').focus();
}


// and here there is nothing more to open
function gone(title, text) {
    curtain('gone', title, text);
    tell('rd-gone');
}


// open is called at every try; it ends with opened() or lost()
export function enter(open) {
    way = open;
    tell('rd-alive');
    return connect();
}


// it comes back by itself; nobody has to press anything
function off() {
    const { title, text } = explain({ code: 'disabled' });

    curtain('closed', title, text);
    timer = setTimeout(connect, checkBack, true);
}


async function connect(unseen) {
    clearTimeout(timer);
    timer = null;

    if (!unseen) {
        curtain('connecting', tries ? 'Connection lost' : 'Connecting…',
                tries ? 'Trying again…' : '');
    }

    try {
        const { session, user } = await api.status();
        const [, kind, owner] = place;

        watched = String(user?.id) !== owner;

        if (watched) {
            if (kind === 'terminal') {
                gone('This is somebody else’s terminal',
                     'You can only open your own.');
                return;
            }

            fetchFiles();
            await way(null, await api.credentials(owner));
            return;
        }

        if (!session) {
            gone('There is no desktop here',
                 'It was stopped, its time is over, or it is not ready yet.');
            return;
        }

        fetchFiles();
        await way(session, await api.credentials());
        time.set(session.timer);
    } catch (problem) {
        failed(problem);
    }
}


function failed(problem) {
    const { title, text, passing } = explain(problem);

    switch (problem.code) {

    case 'login_required':
        gone('You are logged out', 'Log in again to see your desktop.');
        break;

    case 'disabled':
        off();
        break;

    // no try helps: the server is asked under another name than the page's
    case 'bad_origin':
        closed(title, text);
        break;

    case 'no_session':
    case 'expired':
    case 'forbidden':
    case 'view_not_offered':
    case 'not_verified':
    case 'banned':
    case 'account_gone':
    case 'mode_not_offered':
        gone(title, text);
        break;

    default:
        // what is over by itself is tried until it is
        if (passing && !broken) {
            tries = Math.min(tries, pauses.length - 1);
        }
        again(title, text);
    }
}


export function opened() {
    tries = 0;
    api.hurry();
    curtain('open', '', '');
}


// code of the close frame; the server says with it why it has ended
export function lost(code, title) {
    const words = farewell(code);

    if (code === switchedOff) {
        off();
        return;
    }

    if (words) {
        gone(words.title, words.text);
        return;
    }

    if (document.body.dataset.view === 'open') {
        again(title, 'The connection was lost.');
    } else {
        refused(title);
    }
}


// a browser does not say why a WebSocket was refused, so the gate is asked
async function refused(title) {
    try {
        await api.why(socketPath);
    } catch (problem) {
        if (problem.code === 'websocket_required') {
            again(title, explain(problem).text);
        } else {
            failed(problem);
        }
    }
}


// the server knows why; it is asked at the next try
function again(title, text) {
    if (tries >= pauses.length) {
        closed(title, text);
        return;
    }

    api.hurry(hurried);
    curtain('connecting', 'Connection lost', 'Trying again…');
    timer = setTimeout(connect, pauses[tries++]);
}


// a module that was lost on the way stays lost until the page is made anew
export async function load(...paths) {
    try {
        const modules = await Promise.all(paths.map((path) => import(path)));
        sessionStorage.removeItem(reloads);
        return modules;
    } catch {
        const n = Number(sessionStorage.getItem(reloads));

        if (n < pauses.length) {
            sessionStorage.setItem(reloads, String(n + 1));
            setTimeout(() => location.reload(), pauses[n]);
            return new Promise(() => {});
        }

        sessionStorage.removeItem(reloads);
        tries = pauses.length;
        broken = true;
        throw new api.Problem('network', 'the viewer could not be loaded');
    }
}


// Of use to players only.  All files at once, for each import by another costs
// a round trip; a second call finds the template empty.
function fetchFiles() {
    document.head.append($('viewer-files')?.content ?? '');
}


// name is that of the WebSocket below this page
export function socketUrl(name) {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';

    socketPath = place[0] + name;
    return `${scheme}//${location.host}${socketPath}`;
}


// a network that is back is worth a try at once
window.addEventListener('online', () => {
    if (timer !== null) {
        connect();
    }
});


// Ctrl+W deletes a word in a shell and closes a tab in a browser; of frames the
// overview asks, once for all (modes.js)
window.addEventListener('beforeunload', (event) => {
    if (document.body.dataset.view === 'open' && !watched && !embedded) {
        event.preventDefault();
    }
});


// from the start, so that a script that was lost is asked for, too
$('again').addEventListener('click', () => location.reload());


// what is shown takes every key, so there must be one way out
export function onLeave(leave) {
    window.addEventListener('keydown', (event) => {
        if (event.key !== 'Home' || !event.ctrlKey || !event.altKey) {
            return;
        }

        event.preventDefault();
        event.stopImmediatePropagation();
        leave(embedded && !fullscreen.active());

        // in full screen there is nothing but us
        if (!fullscreen.active()) {
            tell('rd-leave');
        }
    }, { capture: true });
}
