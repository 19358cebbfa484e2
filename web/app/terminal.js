// The page at /remote-desktop/terminal/<user id>/: one terminal, full of
// window.  Every visit is a login shell of its own; it ends with the page.

import * as api from './api.js';
import { explain } from './words.js';
import { Tty } from './tty.js';

const client = '/remote-desktop/xterm/xterm/lib/xterm.mjs';
const fitter = '/remote-desktop/xterm/addon-fit/lib/addon-fit.mjs';
const pauses = [500, 1000, 2000, 4000, 8000, 8000];     // ms between tries
const reloads = 'rd-terminal-reloads';              // of this page, in a row
const reader = 'rd-screen-reader';                  // somebody wants it

const $ = (id) => document.getElementById(id);

const place = location.pathname
    .match(/^\/remote-desktop\/terminal\/(\d+)\/$/);
const embedded = window.parent !== window;

let terminal = null;
let fit = null;
let tty = null;
let tries = 0;


function curtain(view, title, text) {
    document.body.dataset.view = view;
    $('curtain').hidden = view === 'open';
    $('title').textContent = title;
    $('text').textContent = text;
    $('again').hidden = view !== 'closed';
    $('back').hidden = view === 'connecting' || view === 'open' || embedded;
}


function closed(title, text, button) {
    curtain('closed', title, text);
    $('again').textContent = button ?? 'Reconnect';

    // whoever was typing goes on by pressing Enter
    $('again').focus();
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
            gone('This is somebody else’s terminal',
                 'You can only open your own.');
            return;
        }

        if (!session) {
            gone('There is no session here',
                 'It was stopped, its time is over, or it is not ready yet.');
            return;
        }

        if (!session.modes.includes('terminal')) {
            curtain('gone', 'There is no terminal here',
                    'This session does not offer one.');
            return;
        }

        const { vnc_password: token } = await api.credentials();
        await load();
        open(token);
    } catch (problem) {
        failed(problem);
    }
}


// a module that was lost on the way stays lost until the page is made anew
async function load() {
    if (terminal) {
        return;
    }

    let modules;

    try {
        modules = await Promise.all([import(client), import(fitter)]);
        sessionStorage.removeItem(reloads);
    } catch {
        const n = Number(sessionStorage.getItem(reloads));

        if (n < pauses.length) {
            sessionStorage.setItem(reloads, String(n + 1));
            setTimeout(() => location.reload(), pauses[n]);
            await new Promise(() => {});
        }

        sessionStorage.removeItem(reloads);
        tries = pauses.length;
        throw new api.Problem('network', 'the terminal could not be loaded');
    }

    const [{ Terminal }, { FitAddon }] = modules;

    make(Terminal, FitAddon);
}


function make(Terminal, FitAddon) {
    terminal = new Terminal({
        cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
        fontFamily: '"DejaVu Sans Mono", Menlo, Consolas, monospace',
        fontSize: 15,
        scrollback: 5000,
        screenReaderMode: localStorage.getItem(reader) === 'on',
        theme: { background: '#10151c', foreground: '#d7dde5',
                 cursor: '#7fd1ae', selectionBackground: '#3d5a6c' },
    });
    fit = new FitAddon();

    terminal.loadAddon(fit);
    terminal.open($('screen'));
    terminal.attachCustomKeyEventHandler(copyKey);
    terminal.onData((text) => tty?.type(text));
    terminal.onBinary((bytes) => tty?.typeBytes(bytes));
    terminal.onResize(({ cols, rows }) => tty?.resize(cols, rows));
    terminal.onTitleChange((title) => { document.title = title; });

    new ResizeObserver(fitNow).observe($('screen'));
    fitNow();
    showReader();
}


// a frame that is not shown yet has no size
function fitNow() {
    if ($('screen').clientWidth > 0 && $('screen').clientHeight > 0) {
        fit.fit();
    }
}


// Ctrl+C belongs to the shell
function copyKey(event) {
    if (event.type !== 'keydown' || !event.ctrlKey || !event.shiftKey
        || event.code !== 'KeyC' || !terminal.hasSelection())
    {
        return true;
    }

    event.preventDefault();
    navigator.clipboard?.writeText(terminal.getSelection()).catch(() => {});
    return false;
}


function failed(problem) {
    const { title, text } = explain(problem);

    switch (problem.code) {

    case 'login_required':
        gone('You are logged out', 'Log in again to see your terminal.');
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


function open(token) {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';

    terminal.reset();

    tty = new Tty(`${scheme}//${location.host}${place[0]}ws`, {
        token,
        columns: terminal.cols,
        rows: terminal.rows,
        opened,
        show: (bytes, done) => terminal.write(bytes, done),
        closed: disconnected,
    });
}


function opened() {
    tries = 0;
    curtain('open', '', '');
    fitNow();
    terminal.focus();
}


function disconnected(code, wasOpen) {
    tty = null;

    if (wasOpen && code === 1000) {
        closed('The shell has ended', '', 'New shell');
    } else if (wasOpen && code === 1008) {
        closed('The terminal did not let us in', 'Its password was refused.');
    } else {
        again('The terminal does not answer', 'The connection was lost.');
    }
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


// a tree of what is on the screen, which costs too much for all
function showReader() {
    $('reader').setAttribute('aria-pressed',
                             String(terminal.options.screenReaderMode));
}

$('reader').addEventListener('click', () => {
    const on = !terminal?.options.screenReaderMode;

    localStorage.setItem(reader, on ? 'on' : 'off');

    if (terminal) {
        terminal.options.screenReaderMode = on;
        showReader();
        terminal.focus();
    }
});


// from the start, so that a script that was lost is asked for, too
$('again').addEventListener('click', () => location.reload());

// a terminal takes every key, so there must be one way out
window.addEventListener('keydown', (event) => {
    if (event.key !== 'Home' || !event.ctrlKey || !event.altKey) {
        return;
    }

    event.preventDefault();
    event.stopImmediatePropagation();
    terminal?.blur();

    if (embedded) {
        window.parent.postMessage('rd-leave', location.origin);
    } else {
        $('reader').focus();
    }
}, { capture: true });

window.addEventListener('focus', () => {
    if (document.body.dataset.view === 'open') {
        terminal.focus();
    }
});

window.addEventListener('pagehide', () => tty?.close());

if (embedded) {
    window.parent.postMessage('rd-alive', location.origin);
}

connect();
