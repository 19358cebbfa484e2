// The page at /remote-desktop/terminal/<user id>/: one terminal, full of
// window.  Every visit is a login shell of its own; it ends with the page.

import { Problem } from './api.js';
import { $, closed, enter, load, lost, onLeave, opened, socketUrl }
    from './frame.js';
import { Tty } from './tty.js';

const client = '../xterm/xterm.js';
const fitter = '../xterm/addon-fit.js';
const reader = 'rd-screen-reader';                  // somebody wants it

let terminal = null;
let fit = null;
let tty = null;


async function open(session, token) {
    if (!session.modes.includes('terminal')) {
        throw new Problem('mode_not_offered', 'there is no terminal');
    }

    if (terminal === null) {
        const [{ Terminal }, { FitAddon }] = await load(client, fitter);
        make(Terminal, FitAddon);
    }

    terminal.reset();

    tty = new Tty(socketUrl('ws'), {
        token,
        columns: terminal.cols,
        rows: terminal.rows,
        show: (bytes, done) => terminal.write(bytes, done),
        opened: () => {
            opened();
            fitNow();
            terminal.focus();
        },
        closed: disconnected,
    });
}


function disconnected(code, wasOpen) {
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


window.addEventListener('focus', () => {
    if (document.body.dataset.view === 'open'
        && document.activeElement !== $('reader'))
    {
        terminal.focus();
    }
});
window.addEventListener('pagehide', () => tty?.close());

onLeave((embedded) => {
    terminal?.blur();

    if (!embedded) {
        $('reader').focus();
    }
});

enter(open);
