// The page at /remote-desktop/terminal/<user id>/: one terminal, full of
// window.  Every visit is a login shell of its own; it ends with the page.

import { Problem } from './api.js';
import * as drawer from './drawer.js';
import { $, closed, doubtful, enter, load, lost, onLeave, opened, socketUrl }
    from './frame.js';
import { Pulse } from './pulse.js';
import { Tty } from './tty.js';

const client = '../xterm/xterm.js';
const fitter = '../xterm/addon-fit.js';
const reader = 'rd-screen-reader';                  // somebody wants it
const greeting = 20000;     // ms for a shell to let us in

let terminal = null;
let fit = null;
let tty = null;
let pulse = null;           // of a server that beats
let late = null;            // timer: it does not let us in


async function open(session, { vnc_password: token }) {
    if (!session.modes.includes('terminal')) {
        throw new Problem('mode_not_offered', 'there is no terminal');
    }

    if (terminal === null) {
        const [{ Terminal }, { FitAddon }] = await load(client, fitter);
        make(Terminal, FitAddon);
    }

    terminal.reset();
    late = setTimeout(died, greeting);

    tty = new Tty(socketUrl('ws'), {
        token,
        columns: terminal.cols,
        rows: terminal.rows,
        show: (bytes, done) => terminal.write(bytes, done),
        heard: () => pulse?.heard(),
        beat,
        opened: () => {
            clearTimeout(late);
            opened();
            fitNow();
            terminal.focus();
        },
        closed: disconnected,
    });
}


// this server can be missed
function beat() {
    pulse ??= new Pulse({
        ask: () => tty?.askBeat(),
        doubtful,
        dead: died,
    });
}


function died() {
    tty?.drop();
    disconnected(0, false);
}


function disconnected(code, wasOpen) {
    clearTimeout(late);
    pulse?.stop();
    pulse = null;
    tty = null;

    if (wasOpen && code === 1000) {
        closed('The shell has ended', '', 'New shell');
    } else if (wasOpen && code === 1008) {
        closed('The terminal did not let us in', 'Its password was refused.');
    } else {
        lost(code, 'The terminal does not answer');
    }
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
    terminal.attachCustomKeyEventHandler(clipboardKey);
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


// Ctrl+C and Ctrl+V belong to the shell; with Shift, and Insert, they are ours.
// Pasting is the browser's: xterm.js takes its paste event.
function clipboardKey(event) {
    const { code, ctrlKey, shiftKey } = event;

    if (event.type !== 'keydown') {
        return true;
    }

    if ((ctrlKey && shiftKey && code === 'KeyV')
        || (shiftKey && !ctrlKey && code === 'Insert'))
    {
        return false;
    }

    if (terminal.hasSelection()
        && ((ctrlKey && shiftKey && code === 'KeyC')
            || (ctrlKey && !shiftKey && code === 'Insert')))
    {
        event.preventDefault();
        copy();
        return false;
    }

    return true;
}


async function copy() {
    try {
        await navigator.clipboard.writeText(terminal.getSelection());
    } catch {
        document.execCommand('copy');       // xterm.js answers its event
    }
}


// a tree of what is on the screen, which costs too much for all

function showReader() {
    $('reader').setAttribute('aria-pressed',
                             String(terminal.options.screenReaderMode));
}

$('reader').addEventListener('click', () => {
    if (terminal === null) {
        return;
    }

    const on = !terminal.options.screenReaderMode;

    localStorage.setItem(reader, on ? 'on' : 'off');
    terminal.options.screenReaderMode = on;
    showReader();
    terminal.focus();
});


// what the keys of the drawer are in a terminal: Ctrl and a letter, or these
const sequences = { Escape: '\x1b', Tab: '\t' };

function press([name]) {
    tty?.type(sequences[name]
              ?? String.fromCharCode(name.charCodeAt(0) & 0x1f));
}


drawer.setUp({
    press,
    give(text) {
        terminal?.paste(text);
        return true;
    },
    text: () => terminal?.getSelection() ?? '',
    refocus: () => terminal?.focus(),
});


window.addEventListener('focus', () => {
    if (document.body.dataset.view === 'open'
        && document.activeElement === document.body)
    {
        terminal.focus();
    }

    pulse?.ask();
});
window.addEventListener('online', () => pulse?.ask());
window.addEventListener('pagehide', () => tty?.close());

onLeave((outside) => {
    terminal?.blur();

    if (!outside) {
        drawer.focus();
    }
});

enter(open);
