// One clipboard for the desktop and this computer.  What a browser allows it
// does by itself: text from the desktop is written when it comes; ours is read
// when the page gets the focus, if that was granted, and with every paste key.
// All else goes by the text field of the drawer (drawer.js).

export const most = 1000000;            // bytes of UTF-8 that are sent

const same = (a, b) => a?.replace(/\r\n/g, '\n') === b?.replace(/\r\n/g, '\n');

// longer than that never; a character has one to three bytes
export function fits(text) {
    return text.length <= most / 3
        || (text.length <= most && new Blob([text]).size <= most);
}


export class Clipboard {
    #how;
    #there = null;          // text that the desktop has, as far as we know
    #here = null;           // text of this computer that was seen last
    #pending = false;       // #there could not be written here

    // how: { send(text), came(text, written), tooLong() }
    constructor(how) {
        this.#how = how;
    }

    // the desktop has a new text
    async came(text) {
        this.#there = text;
        this.#pending = !await this.#write(text);
        this.#how.came(text, !this.#pending);
    }

    // this text, because somebody said so
    give(text) {
        if (!fits(text)) {
            this.#how.tooLong();
            return false;
        }

        this.#pending = false;
        this.#here = text;

        if (!same(text, this.#there)) {
            this.#there = text;
            this.#how.send(text);
        }

        return true;
    }

    // a desktop that was left and found again has whatever it has
    forget() {
        this.#there = null;
    }

    // asks nobody: a browser that would first ask is left alone
    async look() {
        if (!await readable()) {
            return;
        }

        let text;

        try {
            text = await navigator.clipboard.readText();
        } catch {
            return;
        }

        if (!same(text, this.#here)) {
            // what was copied here last is what is meant
            this.#here = text;

            if (text !== '' && fits(text)) {
                this.give(text);
            }

        } else if (this.#pending) {
            this.#pending = !await this.#write(this.#there);
        }
    }

    async #write(text) {
        try {
            await navigator.clipboard.writeText(text);
        } catch {
            return false;
        }

        this.#here = text;
        return true;
    }
}


async function readable() {
    try {
        const { state } = await navigator.permissions.query(
            { name: 'clipboard-read' });

        return state === 'granted' && document.hasFocus();
    } catch {
        return false;                   // Firefox and Safari know no such name
    }
}


// Paste keys, before the desktop sees them: the browser then tells us the text
// without a question.  wanted(event): is it for the desktop?  pasted(text, the
// keydown): text is null when the browser told nothing.
export function onPasteKey(wanted, pasted) {
    const wait = 300;                   // ms for the browser's paste event
    let key = null;
    let timer = null;

    const done = (text) => {
        const event = key;

        clearTimeout(timer);
        key = null;

        if (event) {
            pasted(text, event);
        }
    };

    window.addEventListener('keydown', (event) => {
        const paste = event.code === 'Insert'
            ? event.shiftKey && !event.ctrlKey
            : event.ctrlKey && event.key.toLowerCase() === 'v';

        if (!paste || event.altKey || event.metaKey || !wanted(event)) {
            return;
        }

        done(null);
        event.stopImmediatePropagation();
        key = event;
        timer = setTimeout(done, wait, null);
    }, { capture: true });

    window.addEventListener('paste', (event) => {
        if (key) {
            event.preventDefault();
            done(event.clipboardData.getData('text/plain'));
        }
    }, { capture: true });
}
