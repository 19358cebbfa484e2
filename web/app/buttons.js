// Buttons: one press at a time, and none for as long as the server asks to wait
// (Retry-After); the button counts down.

import { clock } from './words.js';

const waits = new Map();    // id -> { over: by performance.now(), label }

const button = (id) => document.getElementById(id);


// failed(problem, id) is called when action throws
export function onPress(id, action, failed) {
    button(id).addEventListener('click', async () => {
        if (button(id).getAttribute('aria-busy') === 'true' || waits.has(id)) {
            return;
        }

        button(id).setAttribute('aria-busy', 'true');

        try {
            await action();
        } catch (problem) {
            failed(problem, id);
        } finally {
            button(id).removeAttribute('aria-busy');
        }
    });
}


// A disabled button would lose the focus, so it only says that it is.
export function hold(id, seconds) {
    release(id);

    if (seconds > 0) {
        waits.set(id, { over: performance.now() + seconds * 1000,
                        label: button(id).textContent });
        button(id).setAttribute('aria-disabled', 'true');
        countDown();
    }
}


export function release(id) {
    if (waits.has(id)) {
        button(id).textContent = waits.get(id).label;
        button(id).removeAttribute('aria-disabled');
        waits.delete(id);
    }
}


function countDown() {
    for (const [id, { over, label }] of waits) {
        const left = Math.ceil((over - performance.now()) / 1000);

        if (left <= 0) {
            release(id);
        } else {
            button(id).textContent = `${label.trim()} (${clock(left)})`;
        }
    }
}

setInterval(countDown, 500);
