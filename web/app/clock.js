// The time that is left, shown over the desktop while the overview's bar is
// not seen: in full screen, or when this page stands alone.  It takes no room,
// so it never changes the desktop's size.

import * as api from './api.js';
import * as fullscreen from './fullscreen.js';
import { clock } from './words.js';

const warnings = [60, 300];             // seconds left
const shown = 15000;                    // ms, a warning
const again = 30000;                    // ms, between questions to the server

const $ = (id) => document.getElementById(id);
const embedded = window.parent !== window;

let over = null;            // when, by performance.now(); null: not known
let warned = Infinity;      // the smallest of warnings that was shown
let asked = -Infinity;
let until = 0;              // a warning is shown


// t: the timer of the API
export function set(t) {
    over = t?.active ? performance.now() + t.time_remaining * 1000 : null;
    asked = performance.now();
    tick();
}


const alone = () => !embedded || fullscreen.active();


function tick() {
    const now = performance.now();
    const on = over !== null && alone()
               && document.body.dataset.view === 'open';

    $('left').hidden = !on;

    if (!on) {
        warned = Infinity;
        hide();
        return;
    }

    const left = Math.max(0, (over - now) / 1000);

    $('left').textContent = clock(left);
    $('left').classList.toggle('short', left <= warnings.at(-1));
    warn(left, now);

    // it may have been extended meanwhile
    if (now - asked >= again) {
        ask();
    }
}


function warn(left, now) {
    const due = warnings.find((seconds) => left <= seconds) ?? Infinity;

    if (due < warned) {
        const minutes = Math.ceil(left / 60);

        $('warning').textContent = minutes > 1
            ? `Your desktop ends in ${minutes} minutes.`
            : 'Your desktop ends in less than a minute.';
        $('warning').hidden = false;
        until = now + shown;

    } else if (now >= until || due > warned) {
        hide();
    }

    warned = due;
}


function hide() {
    $('warning').hidden = true;
}


async function ask() {
    asked = performance.now();

    try {
        set((await api.status()).session?.timer);
    } catch {
        // the clock goes on by itself
    }
}


fullscreen.onChange(() => {
    if (over !== null) {
        ask();
    }
    tick();
});

setInterval(tick, 1000);
