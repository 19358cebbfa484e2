// The drawer at the edge of a desktop or terminal: keys that the browser keeps,
// the clipboard as text, full screen.

import * as fullscreen from './fullscreen.js';

const $ = (id) => document.getElementById(id);
const asked = '(pointer: coarse)';      // a keyboard would cover all of it

let how = null;


// next: { press(names), give(text) -> was it taken, refocus(), and if it knows
// better than what came last, text(): what may be copied }
export function setUp(next) {
    how = next;
    showFull();
}


// text of the desktop; written: this computer's clipboard has it, too
export function came(text, written) {
    $('clip').value = text;
    $('drawer-open').classList.toggle('news', !written && !isOpen());
    say(written ? 'Copied to this computer, too.'
                : 'New text from the desktop.');
}


export function say(text) {
    $('clip-said').textContent = text;
}


// only watching: nothing can be sent
export function onlyWatch(watch) {
    $('drawer').classList.toggle('watching', watch);
}


// what is shown takes every key; this is where the way out of it leads to
export function focus() {
    $('drawer-open').focus();
}


const isOpen = () => !$('drawer').hidden;


function open() {
    $('drawer').hidden = false;
    $('drawer-open').classList.remove('news');
    $('drawer-open').setAttribute('aria-expanded', 'true');

    if (how?.text) {
        $('clip').value = how.text();
    }

    if (!matchMedia(asked).matches) {
        $('clip').focus();
        $('clip').select();
    }
}


function close() {
    $('drawer').hidden = true;
    $('drawer-open').setAttribute('aria-expanded', 'false');
}


function showFull() {
    $('full').textContent = fullscreen.active() ? 'Leave full screen'
                                                : 'Full screen';
    $('full').hidden = !window.top.document.fullscreenEnabled;
}


$('drawer-open').addEventListener('click', () => {
    if (isOpen()) {
        close();
        how?.refocus();
    } else {
        open();
    }
});

$('drawer-close').addEventListener('click', () => {
    close();
    how?.refocus();
});

$('drawer').addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
        event.preventDefault();
        close();
        $('drawer-open').focus();
    }
});

for (const button of document.querySelectorAll('[data-keys]')) {
    button.addEventListener('click', (event) => {
        how?.press(button.dataset.keys.split(' '));

        // pressed by hand: what follows is meant for what is shown
        if (event.detail > 0) {
            how?.refocus();
        }
    });
}

$('clip-send').addEventListener('click', () => {
    if (how?.give($('clip').value)) {
        say('Sent. Paste it there.');
    }
});

// plain http has no clipboard, only the old way
$('clip-copy').addEventListener('click', async () => {
    let done = true;

    try {
        await navigator.clipboard.writeText($('clip').value);
    } catch {
        $('clip').select();
        done = document.execCommand('copy');
    }

    say(done ? 'Copied to this computer.'
             : 'Not copied. Press Ctrl+C in the text.');
});

$('clip-read').addEventListener('click', async () => {
    try {
        $('clip').value = await navigator.clipboard.readText();
    } catch {
        say('Your browser does not allow that. Paste into the field.');
        $('clip').focus();
        return;
    }

    if (how?.give($('clip').value)) {
        say('Sent. Paste it there.');
    }
});

$('clip-read').hidden = !navigator.clipboard?.readText;

$('full').addEventListener('click', () => {
    if (fullscreen.active()) {
        fullscreen.leave();
    } else {
        fullscreen.enter(window.frameElement ?? document.documentElement)
            .catch(() => {});
    }

    how?.refocus();
});

fullscreen.onChange(showFull);
