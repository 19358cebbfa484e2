// The page at /remote-desktop/vnc/<user id>/: one desktop, full of window.
// The password comes by an authenticated call and is never in a URL.

import { Clipboard, onPasteKey } from './clipboard.js';
import * as drawer from './drawer.js';
import { $, closed, doubtful, enter, load, lost, onLeave, opened, socketUrl }
    from './frame.js';
import { Pulse } from './pulse.js';

const client = '../novnc/core/rfb.js';
const greeting = 20000;     // ms for a desktop to let us in
const settled = 1000;       // ms for the desktop to follow our own wish

// RFB's question for one pixel: it is answered whether something moved or not
const onePixel = new Uint8Array([3, 0, 0, 0, 0, 0, 0, 1, 0, 1]);

const keys = {              // X11 keysym, place on a keyboard
    Escape: [0xff1b, 'Escape'],
    Tab: [0xff09, 'Tab'],
    Delete: [0xffff, 'Delete'],
    Insert: [0xff63, 'Insert'],
    Control: [0xffe3, 'ControlLeft'],
    Alt: [0xffe9, 'AltLeft'],
    W: [0x77, 'KeyW'],
    T: [0x74, 'KeyT'],
    N: [0x6e, 'KeyN'],
    V: [0x76, 'KeyV'],
};

let rfb = null;
let drop = () => {};        // the connection, at once; nothing more is said
let active = null;          // was the desktop used here last?
let wished = 0;             // when it may have been asked for another size


const clipboard = new Clipboard({
    send: (text) => rfb?.clipboardPasteFrom(text),
    came: drawer.came,
    tooLong: () => drawer.say('Longer than 1 MB: not sent.'),
});


async function open(session, credentials) {
    const { vnc_password: password, view_only: watching } = credentials;
    const [{ default: RFB }] = await load(client);
    const socket = new WebSocket(socketUrl('websockify'), ['binary']);
    let code = 0;           // of the close frame, which noVNC keeps to itself
    let refusal = null;     // what the desktop said against us
    let pulse = null;

    drop();

    const mine = new RFB($('screen'), socket, { credentials: { password } });

    const over = (title) => {
        drop();
        lost(code, title);
    };
    const late = setTimeout(over, greeting, 'The desktop does not answer');

    drop = () => {
        drop = () => {};
        rfb = null;
        clearTimeout(late);
        pulse?.stop();
        mine.removeEventListener('disconnect', disconnected);
        mine.disconnect();
        $('screen').replaceChildren();
    };

    function disconnected() {
        if (refusal) {
            drop();
            closed('The desktop did not let us in', refusal);
        } else {
            over('The desktop does not answer');
        }
    }

    socket.addEventListener('close', (event) => { code = event.code; });
    socket.addEventListener('message', () => pulse?.heard());

    mine.background = '#10171d';
    mine.scaleViewport = true;      // until the desktop has our size
    mine.viewOnly = watching === true;

    mine.addEventListener('connect', () => {
        clearTimeout(late);
        rfb = mine;
        pulse = new Pulse({
            ask: () => socket.send(onePixel),
            doubtful,
            dead: () => over('The desktop does not answer'),
        });
        ask = () => pulse.ask();

        opened();
        show(credentials);
        rfb.focus();
        watchSize();
        clipboard.forget();
        clipboard.look();
    });
    mine.addEventListener('disconnect', disconnected);
    mine.addEventListener('securityfailure', (event) => {
        refusal = event.detail.reason || 'the password was refused';
    });
    mine.addEventListener('credentialsrequired', () => {
        refusal = 'more than a password was asked for';
        mine.disconnect();
    });
    mine.addEventListener('desktopname', (event) => {
        document.title = event.detail.name;
    });
    mine.addEventListener('clipboard', (event) => {
        clipboard.came(event.detail.text);
    });
}


function show({ view_only: watching, user }) {
    drawer.onlyWatch(watching === true);
    $('watching').hidden = !watching;
    $('watching').textContent = watching
        ? `Watching ${user?.name ?? 'somebody'} – view only` : '';
}


/* one size, and of all viewers the one that was used last has its way */

function use() {
    active = true;

    if ($('screen').clientWidth !== canvas()?.width
        || $('screen').clientHeight !== canvas()?.height)
    {
        wished = performance.now();
    }

    if (rfb && !rfb.viewOnly) {
        rfb.resizeSession = true;       // asks for our size, if it has another
    }
}


function yieldSize() {
    active = false;

    if (rfb) {
        rfb.resizeSession = false;
    }
}


const canvas = () => $('screen').querySelector('canvas');


function watchSize() {
    const mine = rfb;

    // the first time whoever looks at this page is using it
    active ??= document.visibilityState === 'visible'
               && window.top.document.hasFocus();

    if (active) {
        use();
    }

    let timer = null;

    const look = () => {
        const { width, height } = $('screen').getBoundingClientRect();

        if (rfb === mine && (canvas().width !== Math.floor(width)
                             || canvas().height !== Math.floor(height)))
        {
            yieldSize();
        }
    };

    new MutationObserver(() => {
        const wait = wished + settled - performance.now();

        clearTimeout(timer);

        // a change that nobody here has asked for is somebody else's
        if (wait > 0) {
            timer = setTimeout(look, wait);
        } else {
            look();
        }
    }).observe(canvas(), { attributeFilter: ['width', 'height'] });
}


new ResizeObserver(() => { wished = performance.now(); })
    .observe($('screen'));


/* keys that do not come by themselves */

function press(names) {
    for (const name of names) {
        rfb?.sendKey(...keys[name], true);
    }

    for (const name of names.toReversed()) {
        rfb?.sendKey(...keys[name], false);
    }
}


onPasteKey(() => rfb !== null && !rfb.viewOnly
                 && document.activeElement?.tagName === 'CANVAS',
           (text, event) => {
    if (text) {
        clipboard.give(text);
    }

    // Ctrl or Shift is down there already
    rfb?.sendKey(...(event.code === 'Insert' ? keys.Insert
                     : event.shiftKey ? [0x56, 'KeyV'] : keys.V));
});


let ask = () => {};         // is the path still there?

for (const sign of ['online', 'focus']) {
    window.addEventListener(sign, () => rfb && ask());
}

document.addEventListener('visibilitychange', () => {
    if (rfb && document.visibilityState === 'visible') {
        ask();
    }
});

window.addEventListener('focus', () => {
    if (document.activeElement === document.body) {
        rfb?.focus();
    }

    use();
    clipboard.look();
});

for (const sign of ['pointerdown', 'keydown']) {
    window.addEventListener(sign, use, { capture: true });
}

window.addEventListener('pagehide', () => drop());

drawer.setUp({
    press,
    give: (text) => clipboard.give(text),
    refocus: () => rfb?.focus(),
});

onLeave(() => {
    rfb?.blur();
    drawer.focus();
});

enter(open);
