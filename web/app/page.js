// The page at /remote-desktop.  It is always in one view (`data-in` in
// index.html), and one poll at a time keeps the view true: the server knows,
// the page shows.

import * as api from './api.js';
import * as modes from './modes.js';
import { explain, clock } from './words.js';

const poll = {              // ms
    starting: 1000,
    desktop: 5000,
    trouble: 3000,
};

const warnings = [300, 60]; // seconds left

// in the order in which they happen; the API's statuses that mean each
const steps = [
    { text: 'Waiting for a turn', statuses: ['queued'] },
    { text: 'Choosing a host', statuses: ['selecting_host', 'connecting'] },
    { text: 'Starting the desktop',
      statuses: ['starting_container', 'getting_ports'] },
    { text: 'Waiting for its screen', statuses: ['waiting_vnc'] },
    { text: 'Ready', statuses: ['ready'] },
];

const started = 'rd-started';           // this tab asked for a desktop, when
const reloadedFor = 'rd-reloaded-for';  // a version this tab was reloaded for

const { version } = document.documentElement.dataset;


const $ = (id) => document.getElementById(id);

let view = 'loading';
let turn = 0;               // an answer to an older question does not count
let timer = null;           // of the next poll
let session = null;
let over = 0;               // when the time is over, by performance.now()
let left = Infinity;        // seconds, when it was shown last
let announced = '';
let retry = look;           // what "Try again" does


/* views: loading, login, idle, starting, desktop, error */

function show(next) {
    const changed = next !== view;
    view = next;
    document.body.dataset.view = view;

    for (const part of document.querySelectorAll('[data-in]')) {
        part.hidden = part.dataset.in !== view;
    }

    if (changed && view !== 'desktop') {
        closeDesktop();
    }

    return changed;
}


// the button that had the focus is gone; start reading at the new heading
function showAndFocus(next) {
    if (show(next)) {
        const heading = document.querySelector(`[data-in=${next}] h2`);
        heading.tabIndex = -1;
        heading.focus();
    }
}


// where to is the server's to say: rd_login_url
function showLogin(problem) {
    $('login').href = problem.loginUrl;
    $('who').textContent = '';
    show('login');
}


function showIdle(words) {
    notice(words ?? '');
    showAndFocus('idle');
}


function showError(problem, next) {
    const { title, text, detail, link } = explain(problem);

    $('error-title').textContent = title;
    $('error-text').textContent = text;
    $('error-detail').textContent = detail;
    $('error-link').hidden = link === null;

    if (link !== null) {
        $('error-link').href = link.href;
        $('error-link').textContent = link.text;
    }

    retry = next;
    notice('');
    showAndFocus('error');
}


function showStarting(creation) {
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

    $('message').textContent = creation.message ?? '';
    showElapsed();

    // each step once, not every attempt within it
    if (announced !== creation.status) {
        announced = creation.status;
        announce(creation.message ?? '');
    }

    showAndFocus('starting');
}


function showElapsed() {
    const since = Number(sessionStorage.getItem(started)) || Date.now();
    const seconds = Math.floor((Date.now() - since) / 1000);

    $('elapsed').textContent = seconds > 2 ? `${seconds} s` : '';
}


function showDesktop(next) {
    const url = new URL(next.vnc_url, location.href);
    const fresh = session === null || session.id !== next.id;

    if (url.origin !== location.origin) {
        showError(new api.Problem('internal', 'the desktop has no address'),
                  look);
        return;
    }

    session = next;
    sessionStorage.removeItem(started);

    if (view !== 'desktop' || fresh) {
        notice('');
        show('desktop');
        modes.open(next, {
            desktop: url.pathname,
            terminal: url.pathname.replace('/vnc/', '/terminal/'),
        });
        announce('Your desktop is ready. Control Alt Home leaves it.');
    }

    showTime(next.timer);
}


function closeDesktop() {
    session = null;
    left = Infinity;
    modes.close();
}


window.addEventListener('message', (event) => {
    if (!modes.said(event) || view !== 'desktop') {
        return;
    }

    if (replaced(event.source)) {
        return;
    }

    if (event.data === 'rd-leave') {
        $('stop').focus();
    }

    if (event.data === 'rd-gone') {
        look();
    }
});


/* time */

function showTime(t) {
    $('extend').disabled = true;
    $('extensions').textContent = '';

    if (!t || !t.active) {
        over = 0;
        $('clock').textContent = '–:––';
        return;
    }

    const { extensions_used: used, max_extensions: max } = t;

    over = performance.now() + t.time_remaining * 1000;
    $('extend').disabled = used >= max;
    $('extensions').textContent = `${used} of ${max} used`;
    tickTime();
}


function tickTime() {
    if (view === 'starting') {
        showElapsed();
    }

    if (view !== 'desktop' || over === 0) {
        return;
    }

    const now = Math.max(0, (over - performance.now()) / 1000);
    $('clock').textContent = clock(now);
    $('clock').classList.toggle('short', now <= warnings[0]);

    for (const seconds of warnings) {
        if (now <= seconds && left > seconds && left !== Infinity) {
            notice(`Your desktop ends in ${Math.ceil(now / 60)} min.`);
        }
    }

    if (now > warnings[0] && left <= warnings[0]) {
        notice('');
    }

    if (now === 0 && left > 0) {
        look();
    }

    left = now;
}

setInterval(tickTime, 1000);


/* what is said beside the views */

function notice(text) {
    $('notice').textContent = text;
    $('notice').hidden = text === '';
}


function announce(text) {
    $('announcer').textContent = text;
}


/* asking the server */

function later(ms) {
    clearTimeout(timer);
    timer = setTimeout(look, ms);
}


// what is true now?
async function look() {
    const mine = ++turn;
    let next, creation;

    clearTimeout(timer);

    try {
        // while it is made, one call says both
        if (view !== 'starting') {
            const status = await api.status();
            next = status.session;

            if (mine === turn) {
                $('who').textContent = status.user?.name ?? '';
            }
        }

        if (!next) {
            creation = await api.creation();
            next = creation.session;
        }
    } catch (problem) {
        if (mine === turn) {
            lookFailed(problem);
        }
        return;
    }

    if (mine === turn) {
        found(next, creation);
    }
}


function found(next, creation) {
    if (unreachable) {
        unreachable = false;
        notice('');
    }

    if (next) {
        showDesktop(next);
        later(poll.desktop);
        return;
    }

    fetchViewer();

    if (steps.some((s) => s.statuses.includes(creation.status))) {
        showStarting(creation);
        later(poll.starting);
        return;
    }

    // an old failure is news only for the tab that pressed Start
    if (creation.status === 'failed' && sessionStorage.getItem(started)) {
        sessionStorage.removeItem(started);
        showError(new api.Problem(creation.error ?? 'internal',
                                  creation.message), start);
        return;
    }

    sessionStorage.removeItem(started);

    if (view === 'desktop') {
        showIdle(left < 10 ? 'The time of your desktop is over.'
                           : 'Your desktop has ended.');
    } else if (view !== 'error') {
        showIdle();
    }
}


let unreachable = false;

// a desktop that is open goes on without us; say so and ask again
function lookFailed(problem) {
    if (problem.code === 'login_required') {
        showLogin(problem);

    } else if (view === 'desktop' || view === 'starting') {
        unreachable = true;
        notice(`${explain(problem).title}. Trying again…`);
        later(poll.trouble);

    } else {
        showError(problem, look);
    }
}


// a tab that was away may have missed everything
document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && view !== 'error') {
        look();
    }
});


/* buttons */

// one press at a time; polls that are on their way no longer count
function onPress(id, action) {
    const button = $(id);

    button.addEventListener('click', async () => {
        if (button.getAttribute('aria-busy') === 'true') {
            return;
        }

        turn++;
        clearTimeout(timer);
        button.setAttribute('aria-busy', 'true');

        try {
            await action();
        } catch (problem) {
            actionFailed(problem);
        } finally {
            button.removeAttribute('aria-busy');
        }
    });
}


function actionFailed(problem) {
    switch (problem.code) {

    case 'login_required':
        showLogin(problem);
        break;

    // another tab was quicker
    case 'session_exists':
    case 'creation_in_progress':
    case 'no_session':
        look();
        break;

    default:
        // never take an open desktop away because of a button
        if (view === 'desktop') {
            const { title, text } = explain(problem);
            notice(`${title}. ${text}`);
            later(poll.desktop);
        } else {
            const next = view === 'starting' ? start : look;

            sessionStorage.removeItem(started);
            showError(problem, next);
        }
    }
}


async function start() {
    announced = '';
    sessionStorage.setItem(started, String(Date.now()));
    showStarting({ status: 'queued', message: 'Queued...' });

    let lost = null;

    try {
        await api.create();
    } catch (problem) {
        if (problem.code !== 'network') {
            throw problem;
        }
        lost = problem;
    }

    // only the answer may have been lost
    await look();

    if (lost && view === 'idle') {
        showError(lost, start);
    }
}

onPress('start', start);
onPress('cancel', async () => {
    sessionStorage.removeItem(started);
    await api.destroy();
    announce('Cancelled.');
    showIdle();
});

onPress('again', async () => {
    show('loading');
    await retry();
});

onPress('extend', async () => {
    const { timer: t } = await api.extend();

    showTime(t);
    notice('');
    announce(`Extended. Extensions: ${$('extensions').textContent}.`);
    later(poll.desktop);
});

onPress('stop', async () => {
    if (!await confirmed()) {
        later(poll.desktop);
        return;
    }

    await api.destroy();
    announce('Your desktop was stopped.');
    showIdle();
});

$('fullscreen').addEventListener('click', () => {
    const front = modes.front();
    front?.requestFullscreen().then(() => front.focus(), () => {});
});


function confirmed() {
    const dialog = $('confirm');

    dialog.returnValue = '';
    dialog.showModal();

    return new Promise((resolve) => {
        dialog.addEventListener('close',
            () => resolve(dialog.returnValue === 'stop'), { once: true });
    });
}


/* other versions of the pages, and the large part of this one */

// The frame is of another version when the pages were replaced while this one
// was open.  Two versions are never mixed, except where a reload does not help:
// several machines that serve different ones.
function replaced(frame) {
    const { version: theirs } = frame.document.documentElement.dataset;

    if (theirs === version || sessionStorage.getItem(reloadedFor) === theirs) {
        return false;
    }

    sessionStorage.setItem(reloadedFor, theirs);
    location.reload();
    return true;
}


// Of use to players only: the viewer will find it in the browser's cache.
function fetchViewer() {
    import('../novnc/core/rfb.js').catch(() => {});
}


show('loading');
look();
