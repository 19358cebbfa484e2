// The page at /remote-desktop/vnc/<user id>/: one desktop, full of window.
// The password comes by an authenticated call and is never in a URL.

import * as api from './api.js';
import { explain } from './words.js';

const client = '/remote-desktop/novnc/core/rfb.js';
const pauses = [500, 1000, 2000, 4000, 8000, 8000];     // ms between tries
const reloads = 'rd-reloads';                       // of this page, in a row

const $ = (id) => document.getElementById(id);

const place = location.pathname.match(/^\/remote-desktop\/vnc\/(\d+)\/$/);
const embedded = window.parent !== window;

let rfb = null;
let tries = 0;
let refusal = null;         // what the desktop said against us
let farewell = 0;           // the close code by which the gate put us out

// docs/API.md: a WebSocket that is open ends with one of these
const farewells = {
    4001: ['Your time is over', 'The desktop was stopped.'],
    4002: ['The desktop was stopped', 'You can start a new one.'],
    4003: ['You are logged out', 'Log in again to see your desktop.'],
    4004: ['This account is banned', 'You cannot use this desktop.'],
    4005: ['You may not be here any more', 'Ask the desktop’s owner.'],
};


function curtain(view, title, text) {
    document.body.dataset.view = view;
    $('curtain').hidden = view === 'open';
    $('title').textContent = title;
    $('text').textContent = text;
    $('again').hidden = view !== 'closed';
    $('back').hidden = view === 'connecting' || view === 'open' || embedded;
}


function closed(title, text) {
    curtain('closed', title, text);
}


function gone(title, text) {
    curtain('gone', title, text);

    if (embedded) {
        window.parent.postMessage('rd-gone', location.origin);
    }
}


async function connect() {
    curtain('connecting', tries ? 'Connection lost' : 'Connecting…',
            tries ? 'Trying again…' : '');

    try {
        const { session, user } = await api.status();

        if (String(user?.id) !== place?.[1]) {
            gone('This is somebody else’s desktop',
                 'You can only open your own.');
            return;
        }

        if (!session) {
            gone('There is no desktop here',
                 'It was stopped, its time is over, or it is not ready yet.');
            return;
        }

        const { vnc_password: password } = await api.credentials();
        open(await load(), password);
    } catch (problem) {
        failed(problem);
    }
}


// a module that was lost on the way stays lost until the page is made anew
async function load() {
    try {
        const { default: RFB } = await import(client);
        sessionStorage.removeItem(reloads);
        return RFB;
    } catch {
        const n = Number(sessionStorage.getItem(reloads));

        if (n < pauses.length) {
            sessionStorage.setItem(reloads, String(n + 1));
            setTimeout(() => location.reload(), pauses[n]);
            return new Promise(() => {});
        }

        sessionStorage.removeItem(reloads);
        tries = pauses.length;
        throw new api.Problem('network', 'the viewer could not be loaded');
    }
}


function failed(problem) {
    const { title, text } = explain(problem);

    switch (problem.code) {

    case 'login_required':
        gone('You are logged out', 'Log in again to see your desktop.');
        break;

    case 'no_session':
    case 'expired':
    case 'forbidden':
    case 'banned':
        gone(title, text);
        break;

    default:
        again(title, text);
    }
}


function open(RFB, password) {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const url = `${scheme}//${location.host}${place[0]}websockify`;

    refusal = null;
    farewell = 0;

    // ours and not the viewer's, which keeps the close code for itself
    const socket = new WebSocket(url, ['binary']);
    socket.addEventListener('close', (event) => { farewell = event.code; });

    rfb = new RFB($('screen'), socket, { credentials: { password } });

    rfb.background = '#10171d';
    rfb.scaleViewport = true;       // until the desktop has our size
    rfb.resizeSession = true;

    rfb.addEventListener('connect', opened);
    rfb.addEventListener('disconnect', disconnected);
    rfb.addEventListener('securityfailure', (event) => {
        refusal = event.detail.reason || 'the password was refused';
    });
    rfb.addEventListener('credentialsrequired', () => {
        refusal = 'more than a password was asked for';
        rfb.disconnect();
    });
    rfb.addEventListener('desktopname', (event) => {
        document.title = event.detail.name;
    });
}


function opened() {
    tries = 0;
    curtain('open', '', '');
    rfb.focus();
}


function disconnected() {
    rfb = null;

    if (farewells[farewell]) {
        gone(...farewells[farewell]);
        return;
    }

    if (refusal) {
        closed('The desktop did not let us in', refusal);
        return;
    }

    again('The desktop does not answer', 'The connection was lost.');
}


// the server knows why; it is asked at the next try
function again(title, text) {
    if (tries >= pauses.length) {
        closed(title, text);
        return;
    }

    curtain('connecting', 'Connection lost', 'Trying again…');
    setTimeout(connect, pauses[tries++]);
}


// from the start, so that a script that was lost is asked for, too
$('again').addEventListener('click', () => location.reload());

window.addEventListener('focus', () => rfb?.focus());

// a desktop takes every key, so there must be one way out
window.addEventListener('keydown', (event) => {
    if (event.key !== 'Home' || !event.ctrlKey || !event.altKey) {
        return;
    }

    event.preventDefault();
    event.stopImmediatePropagation();
    rfb?.blur();

    if (embedded) {
        window.parent.postMessage('rd-leave', location.origin);
    }
}, { capture: true });

window.addEventListener('pagehide', () => rfb?.disconnect());

if (embedded) {
    window.parent.postMessage('rd-alive', location.origin);
}

connect();
