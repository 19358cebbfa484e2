// The ways into a session that is ready: its desktop, its terminal, SSH.  Each
// is a tab in the bar and a panel, which is made when it is first wanted.  The
// first two are pages of their own, in a frame.

import * as api from './api.js';
import * as fullscreen from './fullscreen.js';
import { explain } from './words.js';

const names = ['desktop', 'terminal', 'ssh'];
const kept = 'rd-mode';     // of this tab, for the next time
const reloads = 5;          // of a page whose script was lost on the way

const titles = { desktop: 'Your desktop', terminal: 'Your terminal' };

const $ = (id) => document.getElementById(id);
const tab = (name) => $(`tab-${name}`);
const panel = (name) => $(name === 'desktop' ? 'viewer' : name);

let session = null;
let mode = null;
let alive = new Set();      // names of the frames whose script runs


/* paths: { desktop, terminal } */

export function open(next, paths) {
    const offered = names.filter((name) => next.modes.includes(name));
    const wanted = sessionStorage.getItem(kept);

    close();
    session = { ...next, paths, offered };

    for (const name of names) {
        tab(name).hidden = !offered.includes(name);
    }

    $('modes').hidden = offered.length < 2;
    choose(offered.includes(wanted) ? wanted : 'desktop');
}


export function close() {
    session = null;
    mode = null;
    alive = new Set();
    $('viewer').replaceChildren();
    $('terminal').replaceChildren();
    forgetCard();
}


export function fullScreen() {
    const front = mode && (panel(mode).querySelector('iframe') ?? panel(mode));

    if (front) {
        fullscreen.enter(front).then(() => front.focus(), () => {});
    }
}


// what a frame has said: is it one of ours?
export function said(event) {
    const name = names.find((n) => frame(n)?.contentWindow === event.source);

    if (event.origin !== location.origin || name === undefined) {
        return false;
    }

    if (event.data === 'rd-alive') {
        alive.add(name);
    }

    return true;
}


function choose(name) {
    mode = name;
    sessionStorage.setItem(kept, name);

    for (const other of names) {
        const chosen = other === name;

        tab(other).setAttribute('aria-selected', String(chosen));
        tab(other).tabIndex = chosen ? 0 : -1;
        panel(other).classList.toggle('away', !chosen);
    }

    if (name === 'ssh') {
        showCard();
    } else {
        showFrame(name);
    }
}


/* the frames */

const frame = (name) => panel(name).querySelector('iframe');

function showFrame(name) {
    const path = session.paths[name];
    const here = frame(name);
    let loads = 0;

    if (here) {
        here.focus();
        return;
    }

    const made = document.createElement('iframe');

    made.title = titles[name];
    made.allow = 'fullscreen; clipboard-read; clipboard-write';
    made.src = path;

    made.addEventListener('load', () => {
        if (mode === name && document.activeElement?.role !== 'tab') {
            made.focus();
        }

        if (!alive.has(name) && loads++ < reloads) {
            setTimeout(() => {
                // its word may come later than its last byte
                if (!alive.has(name)) {
                    made.src = path;
                }
            }, loads * 300);
        }
    });

    panel(name).replaceChildren(made);
}


// Ctrl+W deletes a word in a shell and closes a tab in a browser
window.addEventListener('beforeunload', (event) => {
    const open = names.some((name) =>
        frame(name)?.contentDocument?.body?.dataset.view === 'open');

    if (open) {
        event.preventDefault();
    }
});


/* the card */

function forgetCard() {
    for (const id of ['ssh-command', 'ssh-password', 'ssh-copy',
                      'ssh-forget']) {
        $(id).textContent = '';
    }

    hidePassword(true);
    $('ssh-trouble').textContent = '';
    $('ssh-data').hidden = true;
}


async function showCard() {
    const asked = session;

    if (!$('ssh-data').hidden) {
        return;
    }

    try {
        const { ssh } = await api.credentials();

        if (session !== asked || !ssh) {
            return;
        }

        const { host, port, user, password } = ssh;
        const bare = host.includes(':') ? `[${host}]` : host;

        $('ssh-command').textContent = `ssh ${user}@${host} -p ${port}`;
        $('ssh-password').textContent = password;
        $('ssh-forget').textContent
            = `ssh-keygen -R '[${host}]:${port}'`;
        $('ssh-copy').textContent = `scp -P ${port} FILE ${user}@${bare}:`;
        $('ssh-trouble').textContent = '';
        $('ssh-data').hidden = false;
    } catch (problem) {
        if (session === asked) {
            const { title, text } = explain(problem);
            $('ssh-trouble').textContent = `${title}. ${text}`;
        }
    }
}


function hidePassword(hide) {
    $('ssh-password').classList.toggle('masked', hide);
    $('ssh-password').setAttribute('aria-hidden', String(hide));
    $('ssh-show').textContent = hide ? 'Show' : 'Hide';
}


// a page that came without TLS has no clipboard, only the old way
async function copy(element) {
    try {
        await navigator.clipboard.writeText(element.textContent);
        return true;
    } catch {
        const selection = getSelection();
        const masked = element.classList.contains('masked');

        // dots would be copied as dots
        element.classList.remove('masked');
        selection.selectAllChildren(element);
        const done = document.execCommand('copy');
        selection.removeAllRanges();
        element.classList.toggle('masked', masked);
        return done;
    }
}


for (const button of document.querySelectorAll('[data-copies]')) {
    const words = button.textContent;

    button.addEventListener('click', async () => {
        const done = await copy($(button.dataset.copies));

        button.textContent = done ? 'Copied' : 'Not copied';
        $('ssh-said').textContent = done ? 'Copied.' : 'It was not copied.';
        setTimeout(() => { button.textContent = words; }, 1500);
    });
}

$('ssh-show').addEventListener('click', () => {
    hidePassword(!$('ssh-password').classList.contains('masked'));
});


/* the tabs, as ARIA wants them: one stop of the Tab key, arrows within */

for (const name of names) {
    tab(name).addEventListener('click', () => choose(name));
}

$('modes').addEventListener('keydown', (event) => {
    const { offered } = session;
    const at = offered.indexOf(mode);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0,
                 End: offered.length - 1 }[event.key];

    if (to === undefined) {
        return;
    }

    const next = offered[(to + offered.length) % offered.length];

    event.preventDefault();
    tab(next).focus();
    choose(next);
    tab(next).focus();
});
