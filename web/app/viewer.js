// The page at /remote-desktop/vnc/<user id>/: one desktop, full of window.
// The password comes by an authenticated call and is never in a URL.

import { $, closed, enter, load, lost, onLeave, opened, socketUrl }
    from './frame.js';

const client = '../novnc/core/rfb.js';

let rfb = null;
let code = 0;               // of the close frame, which noVNC keeps to itself
let refusal = null;         // what the desktop said against us


async function open(session, password) {
    const [{ default: RFB }] = await load(client);
    const socket = new WebSocket(socketUrl('websockify'), ['binary']);

    code = 0;
    refusal = null;
    socket.addEventListener('close', (event) => { code = event.code; });

    rfb = new RFB($('screen'), socket, { credentials: { password } });

    rfb.background = '#10171d';
    rfb.scaleViewport = true;       // until the desktop has our size
    rfb.resizeSession = true;

    rfb.addEventListener('connect', () => {
        opened();
        rfb.focus();
    });
    rfb.addEventListener('disconnect', disconnected);
    rfb.addEventListener('securityfailure', (event) => {
        refusal = event.detail.reason || 'the password was refused';
    });
    rfb.addEventListener('credentialsrequired', () => {
        refusal = 'more than a password was asked for';
        rfb.disconnect();
    });
    rfb.addEventListener('desktopname', (event) => {
        document.title = event.detail.name;
    });
}


function disconnected() {
    rfb = null;

    if (refusal) {
        closed('The desktop did not let us in', refusal);
        return;
    }

    lost(code, 'The desktop does not answer');
}


window.addEventListener('focus', () => rfb?.focus());
window.addEventListener('pagehide', () => rfb?.disconnect());
onLeave(() => rfb?.blur());

enter(open);
