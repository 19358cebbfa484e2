// The page at /remote-desktop.  It is always in one view (`data-in` in
// index.html), and one poll at a time keeps the view true: the server knows,
// the page shows.

import * as api from './api.js';
import { hold, onPress, release } from './buttons.js';
import { showLost } from './login.js';
import * as modes from './modes.js';
import { clearNotices, notice } from './notices.js';
import { inProgress, showProgress } from './progress.js';
import { explain, clock } from './words.js';

const poll = {              // ms
    starting: 1000,
    desktop: 5000,
    login: 5000,
    trouble: 3000,
    refused: 15000,
};

const warnings = [300, 60]; // seconds left
const read = 15;            // seconds; enough for a sentence

const started = 'rd-started';           // this tab asked for a desktop, when
const reloadedFor = 'rd-reloaded-for';  // a version this tab was reloaded for

const { version } = document.documentElement.dataset;


const $ = (id) => document.getElementById(id);

let view = 'loading';
let turn = 0;               // an answer to an older question does not count
let timer = null;           // of the next poll
let user = null;            // { id, name }, who was logged in last
let session = null;
let over = 0;               // when the time is over, by performance.now()
let left = Infinity;        // seconds, when it was shown last
let draining = false;       // the host of the desktop is being emptied
let announced = '';
let retry = look;           // what "Try again" does
let asking = false;         // for the desktop that Start was pressed for
let cured = false;          // the error is over once the server answers


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
    showLost(problem, user !== null);
    $('who').textContent = '';
    clearNotices();
    show('login');
    later(poll.login);
}


function showIdle(words) {
    clearNotices();
    notice('ended', words ?? '');
    showAndFocus('idle');
}


// next is what "Try again" does, which the server may have asked to wait with
function showError(problem, next) {
    const { title, text, detail, link } = explain(problem);

    say('error-title', title);
    say('error-text', text);
    say('error-detail', detail);
    $('error-link').hidden = link === null;

    if (link !== null) {
        $('error-link').href = link.href;
        $('error-link').textContent = link.text;
    }

    retry = next;
    cured = false;
    hold('again', problem.retryAfter);
    clearNotices();
    showAndFocus('error');
}


function showStarting(creation) {
    const news = showProgress(creation);

    if (view !== 'starting') {
        clearNotices();
    }

    showElapsed();

    if (announced !== news) {
        announced = news;
        announce($('place').textContent || $('message').textContent);
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
        clearNotices();
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
    draining = false;
    left = Infinity;
    release('extend');
    release('stop');
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

    if (Boolean(t.draining) !== draining) {
        draining = !draining;
        left = Infinity;            // its warnings have another reason
        notice('time', '');
    }

    over = performance.now() + t.time_remaining * 1000;
    $('extend').disabled = used >= max || draining;
    $('extensions').textContent = `${used} of ${max} used`;

    notice('drain', draining ? 'The server of your desktop is being emptied, '
           + 'so your time was shortened and cannot be extended. You can start '
           + 'a new desktop afterwards.' : '');
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

    if (now > warnings[0] && left <= warnings[0]) {
        notice('time', '');
    }

    // also for a desktop that is opened with little time left
    const passed = warnings.filter((s) => now <= s && left > s).pop();

    if (passed) {
        const minutes = Math.ceil(now / 60);
        const end = minutes > 1 ? `in ${minutes} min` : 'in less than a minute';

        notice('time', `Your desktop ends ${end}`
               + (draining ? ', because its server is being emptied.' : '.'),
               minutes > 1 ? read : now);
    }

    if (now === 0 && left > 0) {
        look();
    }

    left = now;
}

setInterval(tickTime, 1000);


function announce(text) {
    $('announcer').textContent = text;
}


// what has not changed is not read out again
function say(id, text) {
    if ($(id).textContent !== text) {
        $(id).textContent = text;
    }
}


/* asking the server */

function later(ms) {
    clearTimeout(timer);
    timer = setTimeout(() => {
        // a login that nobody looks at can wait: see lookAgain
        if (view !== 'login' || document.visibilityState === 'visible') {
            look();
        }
    }, ms);
}


// What is true now?  { user, session, creation }; user is unknown where it is
// left out, for while a desktop is made one call says all the rest.
async function ask() {
    if (view === 'starting' && !asking) {
        const creation = await api.creation();

        if (creation.session || inProgress(creation)
            || creation.status === 'failed')
        {
            return { creation, session: creation.session };
        }
    }

    const status = await api.status();

    if (status.session) {
        return status;
    }

    const creation = await api.creation();

    return { user: status.user, creation, session: creation.session };
}


async function look() {
    const mine = ++turn;

    clearTimeout(timer);

    try {
        const answer = await ask();

        if (mine === turn) {
            found(answer);
        }
    } catch (problem) {
        if (mine === turn) {
            lookFailed(problem);
        }
    }
}


function found({ user: now, session: next, creation }) {
    const before = now ? changedUser(now) : null;

    notice('reach', '');

    if (next) {
        showDesktop(next);
        notice('ended', before ? `You are logged in as ${user.name} now.` : '',
               read);
        later(poll.desktop);
        return;
    }

    fetchViewer();

    if (inProgress(creation)) {
        showStarting(creation);
        later(poll.starting);
        return;
    }

    // an old failure is news only for the tab that pressed Start
    if (creation.status === 'failed' && sessionStorage.getItem(started)) {
        sessionStorage.removeItem(started);
        showError(new api.Problem(creation.code ?? 'internal',
                                  creation.message), start);
        return;
    }

    sessionStorage.removeItem(started);

    if (before && (view === 'desktop' || view === 'starting')) {
        showIdle(`You are logged in as ${user.name} now. The desktop of `
                 + `${before.name} goes on until its time is over.`);
    } else if (view === 'desktop') {
        showIdle(left < 10 ? 'The time of your desktop is over.'
                           : 'Your desktop has ended.');
    } else if (view !== 'error' || cured) {
        showIdle();
    }
}


// who was logged in before, when it was somebody else
function changedUser(now) {
    const before = user;

    user = now;
    $('who').textContent = now.name ?? '';

    if (before === null || before.id === now.id) {
        return null;
    }

    sessionStorage.removeItem(started);
    return before;
}


// A desktop that is open goes on while the server is away; a refusal is final.
function lookFailed(problem) {
    const open = (view === 'desktop' || view === 'starting') && !asking;
    const { title, passing } = explain(problem);
    const wait = passing ? poll.trouble : poll.refused;

    if (problem.code === 'login_required') {
        showLogin(problem);
        return;
    }

    if (passing && open) {
        notice('reach', `${title}. Trying again…`);
    } else {
        showError(problem, look);
        cured = true;
    }

    later(Math.max(wait, problem.retryAfter * 1000));
}


// a tab that was away, or without a network, may have missed everything
function lookAgain() {
    if (document.visibilityState === 'visible' && !asking
        && (view !== 'error' || cured))
    {
        look();
    }
}

document.addEventListener('visibilitychange', lookAgain);
window.addEventListener('online', lookAgain);


/* buttons */

// polls that are on their way no longer count
function press(id, action) {
    onPress(id, () => {
        turn++;
        clearTimeout(timer);
        notice('press', '');
        return action();
    }, pressFailed);
}


function pressFailed(problem, id) {
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
        if (id === 'start' || id === 'again') {
            showError(problem, id === 'start' ? start : retry);

            if (explain(problem).tried) {
                cured = true;
                later(Math.max(poll.trouble, problem.retryAfter * 1000));
            }
            break;
        }

        // never take an open desktop, or a place in the line, away
        hold(id, problem.retryAfter);
        notice('press', says(problem), read);
        later(view === 'starting' ? poll.starting : poll.desktop);
    }
}


function says(problem) {
    const { title, text } = explain(problem);

    return `${title}. ${text}`;
}


async function start() {
    announced = '';
    asking = true;
    sessionStorage.setItem(started, String(Date.now()));
    showStarting({ status: 'asking', message: 'Asking for a desktop…' });

    try {
        await create();
        await look();
    } catch (problem) {
        sessionStorage.removeItem(started);
        throw problem;
    } finally {
        asking = false;
    }
}


// Where no answer came, the server may have heard all the same.
async function create() {
    try {
        await api.create();
    } catch (problem) {
        if (problem.code !== 'network') {
            throw problem;
        }

        const { session: made, creation } = await ask().catch(() => ({}));

        if (!made && !(creation && inProgress(creation))) {
            throw problem;
        }
    }
}


press('start', start);
press('cancel', async () => {
    sessionStorage.removeItem(started);
    await api.destroy();
    announce('Canceled.');
    showIdle();
});

press('again', async () => {
    show('loading');
    await retry();
});

press('extend', async () => {
    const { timer: t } = await api.extend();

    showTime(t);
    announce(`Extended. Extensions: ${$('extensions').textContent}.`);
    later(poll.desktop);
});

press('stop', async () => {
    if (!await confirmed()) {
        later(poll.desktop);
        return;
    }

    await api.destroy();
    announce('Your desktop was stopped.');
    showIdle();
});

$('fullscreen').addEventListener('click', modes.fullScreen);


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


// The viewer, which does the same, will find them in the browser's cache.
function fetchViewer() {
    document.head.append($('viewer-files').content);
}


show('loading');
look();
