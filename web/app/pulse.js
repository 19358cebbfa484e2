// Notices that a connection has gone silent without being closed: a wireless
// network that was left, a NAT or VPN that forgot it.  TCP alone says so after
// a quarter of an hour, or never.

const step = 1000;          // ms between looks
const quiet = 8000;         // heard nothing for so long: ask
const doubt = 5000;         // no answer yet: say so
const patience = 12000;     // no answer still: it is dead
const nap = 5 * step;       // a look so late: the machine slept

export class Pulse {
    #how;
    #timer;
    #heard = performance.now();
    #asked = null;          // when, while an answer is owed
    #looked = performance.now();
    #doubted = false;

    // how: { ask(), doubtful(yes or no), dead() }; dead() is called once
    constructor(how) {
        this.#how = how;
        this.#timer = setInterval(() => this.#look(), step);
    }

    heard() {
        this.#heard = performance.now();
        this.#asked = null;
        this.#doubts(false);
    }

    // something happened that often goes with a dead path
    ask() {
        this.#asked ??= performance.now();
        this.#how.ask();
    }

    stop() {
        clearInterval(this.#timer);
    }

    #look() {
        const now = performance.now();
        const slept = now - this.#looked > nap;

        this.#looked = now;

        // the time without us says nothing about the path
        if (slept || (this.#asked === null && now - this.#heard >= quiet)) {
            this.#asked = null;
            this.ask();

        } else if (this.#asked !== null && now - this.#asked >= patience) {
            this.stop();
            this.#how.dead();

        } else if (this.#asked !== null && now - this.#asked >= doubt) {
            this.#doubts(true);
        }
    }

    #doubts(yes) {
        if (this.#doubted !== yes) {
            this.#doubted = yes;
            this.#how.doubtful(yes);
        }
    }
}
