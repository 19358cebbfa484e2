// How far a desktop is that is being made: its steps, or its place in the line.

import { about, ordinal, sentence } from './words.js';

// in the order in which they happen; the API's statuses that mean each
const steps = [
    { text: 'Waiting for a turn', statuses: ['queued'] },
    { text: 'Choosing a host', statuses: ['selecting_host', 'connecting'] },
    { text: 'Starting the desktop',
      statuses: ['starting_container', 'getting_ports'] },
    { text: 'Waiting for its screen', statuses: ['waiting_vnc'] },
    { text: 'Ready', statuses: ['ready'] },
];

const $ = (id) => document.getElementById(id);


export function inProgress(creation) {
    return steps.some((step) => step.statuses.includes(creation.status));
}


// What a screen reader should say of it: each step once, not every attempt
// within it, and each place in the line.
export function showProgress(creation) {
    const at = steps.findIndex((s) => s.statuses.includes(creation.status));

    $('steps').replaceChildren(...steps.map((step, i) => {
        const item = document.createElement('li');
        item.textContent = step.text;
        item.className = i < at ? 'done' : i === at ? 'now' : '';

        if (i === at) {
            item.setAttribute('aria-current', 'step');
        }
        return item;
    }));

    const place = placeOf(creation);

    $('place').textContent = place;
    $('why').textContent = place ? sentence(creation.reason || '') : '';
    $('message').textContent = place ? '' : creation.message ?? '';
    $('queue').hidden = place === '';

    return place || creation.status;
}


// no number where the server knows none
function placeOf({ status, position, estimate }) {
    if (status !== 'queued' || !position) {
        return '';
    }

    const place = position === 1 ? 'You are next in line'
                                 : `You are ${ordinal(position)} in line`;

    return estimate > 0 ? `${place}, ${about(estimate)}.` : `${place}.`;
}
