// The whole screen for one element of the page on top, and with it the keys
// that a browser keeps for itself: Escape, Ctrl+W, Alt+Tab.  Where there is no
// Keyboard Lock (Firefox, Safari, plain http) Escape still leaves.

const top = window.top;

export async function enter(element) {
    await element.requestFullscreen({ navigationUI: 'hide' });

    try {
        await top.navigator.keyboard.lock();
    } catch {
        // what it cannot have it does without
    }
}


export function leave() {
    top.document.exitFullscreen().catch(() => {});
}


export const active = () => top.document.fullscreenElement !== null;


// changed() is called whenever it begins or ends
export function onChange(changed) {
    const listen = () => changed();

    top.document.addEventListener('fullscreenchange', listen);
    window.addEventListener('pagehide', () => {
        top.document.removeEventListener('fullscreenchange', listen);
    });
}
