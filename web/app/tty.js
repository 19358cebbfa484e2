// ttyd's protocol on a WebSocket.  The first message says who we are and how
// large the terminal is; then the first byte of each says what it is.

const commands = {
    input: 0x30, resize: 0x31, pause: 0x32, resume: 0x33,   // ours
    beat: 0x34,             // please show that you are there; a beat
    output: 0x30,                                           // the server's
};

const high = 256 * 1024;        // bytes not yet on the screen: hold it ...
const low = 64 * 1024;          // ... until so few are left
const chunk = 16 * 1024;        // of a paste


// how: { token, columns, rows, opened(), show(bytes, done), beat(),
//        heard(), closed(code, was open) }
export class Tty {
    #socket;
    #how;
    #waiting = 0;               // bytes given to show that are not done
    #held = false;
    #open = false;

    constructor(url, how) {
        this.#how = how;
        this.#socket = new WebSocket(url, ['tty']);
        this.#socket.binaryType = 'arraybuffer';
        this.#socket.addEventListener('open', () => this.#hello());
        this.#socket.addEventListener('message', (e) => this.#came(e.data));
        this.#socket.addEventListener('close', (e) => {
            this.#how.closed(e.code, this.#open);
        });
    }

    type(text) {
        this.#typed(new TextEncoder().encode(text));
    }

    // what a mouse report is made of: one byte a character
    typeBytes(text) {
        this.#typed(Uint8Array.from(text, (c) => c.charCodeAt(0)));
    }

    resize(columns, rows) {
        this.#send(commands.resize,
                   new TextEncoder().encode(JSON.stringify({ columns, rows })));
    }

    // a server that knows of it answers, and goes on every few seconds
    askBeat() {
        this.#send(commands.beat, new Uint8Array());
    }

    // on a path that has died this is over long before the browser notices
    drop() {
        this.#how = { ...this.#how, closed() {}, show() {}, heard() {},
                      beat() {} };
        this.#socket.close();
    }

    close() {
        this.#socket.close();
    }

    #hello() {
        const { token, columns, rows, opened } = this.#how;

        this.#socket.send(JSON.stringify({ AuthToken: token, columns, rows }));
        this.#open = true;
        opened();
        this.askBeat();
    }

    #typed(bytes) {
        for (let at = 0; at < bytes.length; at += chunk) {
            this.#send(commands.input, bytes.subarray(at, at + chunk));
        }
    }

    #send(command, bytes) {
        if (this.#socket.readyState !== WebSocket.OPEN) {
            return;
        }

        const message = new Uint8Array(1 + bytes.length);

        message[0] = command;
        message.set(bytes, 1);
        this.#socket.send(message);
    }

    #came(data) {
        const bytes = new Uint8Array(data);

        this.#how.heard();

        if (bytes[0] === commands.beat) {
            this.#how.beat();
        }

        // a title the shell sets comes with its output, and the server's wishes
        // for our looks do not count
        if (bytes[0] !== commands.output) {
            return;
        }

        this.#waiting += bytes.length;

        this.#how.show(bytes.subarray(1), () => {
            this.#waiting -= bytes.length;
            this.#hold(this.#waiting > low);
        });

        if (this.#waiting > high) {
            this.#hold(true);
        }
    }

    #hold(hold) {
        // between the two marks it stays as it is
        if (hold === this.#held || (hold && this.#waiting <= high)) {
            return;
        }

        this.#held = hold;
        this.#send(hold ? commands.pause : commands.resume, new Uint8Array());
    }
}
