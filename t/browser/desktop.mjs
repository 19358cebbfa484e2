// desktop.mjs: what a player does, in a real browser: log in, press Start, see
// the desktop, type into its terminal, press Stop.  Each step prints one JSON
// line; the last one is {"step":"done"} or {"step":"failed",...} with exit
// status 1.
//
//   RD_NODE    folder with node_modules (playwright-core)
//   RD_URL     http://host:port of the site
//   RD_USER    who logs in at the stand-in; default ada
//   RD_TYPE    what is typed into the terminal, with Enter; default
//              echo ok > /tmp/typed
//   RD_SHOTS   folder for screenshots; default: none are taken
//   RD_STEPS   comma separated; default login,start,desktop,type,stop; more:
//              extend, reload, logout, intruder (the websocket of the user
//              with the id RD_OWNER), terminal (its tab), shell (types RD_TYPE
//              there and waits for RD_SEE), ssh (the card), modes (the tabs),
//              again (modes, after a reload), alone (the pages of desktop and
//              terminal without a frame), farewell (what these two say last),
//              viewer (the page of the desktop of RD_OWNER without a frame,
//              whatever is behind it), off (what it says when it is closed)
//   RD_HOLD    wait for a line on stdin after each of these steps
//   RD_TIMEOUT_MS  of each step; default 60000

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import path from 'node:path';

const env = (name, fallback) => process.env[`RD_${name}`] || fallback;

const url = env('URL', 'http://127.0.0.1:8080');
const user = env('USER', 'ada');
const typed = env('TYPE', 'echo ok > /tmp/typed');
const shots = env('SHOTS', '');
const steps = env('STEPS', 'login,start,desktop,type,stop').split(',');
const hold = env('HOLD', '').split(',');
const timeout = Number(env('TIMEOUT_MS', '60000'));

const node = path.resolve(env('NODE', 'build/node'));
const { chromium } = createRequire(`${node}/package.json`)('playwright-core');

const flags = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync',
];

const begun = Date.now();
const said = [];            // progress messages, as the page showed them
const others = [];          // pages beside the one
let page;


function say(step, more) {
    const ms = Date.now() - begun;

    console.log(JSON.stringify({ step, ms, ...more }));
}


async function shot(name) {
    if (shots) {
        await page.screenshot({ path: path.join(shots, `${name}.png`) });
    }
}


// a browser drops what is under way when a network interface comes or goes, and
// every container has one
async function visit(go) {
    for ( ;; ) {
        try {
            return await go();
        } catch (error) {
            if (!/ERR_NETWORK_CHANGED/.test(error.message)) {
                throw error;
            }
        }
    }
}


/* the desktop's canvas, in the frame of the viewer */

function screen() {
    return page.frameLocator('#viewer iframe').locator('#screen canvas');
}


// how many colours are there?  A desktop that is not painted yet has one.
function colours() {
    return screen().evaluate((canvas) => {
        const { width, height } = canvas;
        const seen = new Set();

        if (width === 0 || height === 0) {
            return { width, height, colours: 0 };
        }

        const { data } = canvas.getContext('2d')
                               .getImageData(0, 0, width, height);

        for (let i = 0; i < data.length; i += 4 * 7) {
            seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
        }
        return { width, height, colours: seen.size };
    });
}


async function until(what, question) {
    const end = Date.now() + timeout;

    for ( ;; ) {
        const answer = await question();

        if (answer) {
            return answer;
        }

        if (Date.now() > end) {
            throw new Error(`${what}: not within ${timeout} ms`);
        }

        await page.evaluate(() => new Promise(requestAnimationFrame));
    }
}


/* the terminal is somewhere on the desktop, and has a ground of its own */

function terminal() {
    return screen().evaluate((canvas) => {
        const { width, height } = canvas;
        const { data } = canvas.getContext('2d')
                               .getImageData(0, 0, width, height);
        let left = width, right = 0, top = height, bottom = 0, n = 0;

        for (let y = 0; y < height; y += 4) {
            for (let x = 0; x < width; x += 4) {
                const i = 4 * (y * width + x);

                if (data[i] === 0x10 && data[i + 1] === 0x15
                    && data[i + 2] === 0x1c)
                {
                    n++;
                    left = Math.min(left, x);
                    right = Math.max(right, x);
                    top = Math.min(top, y);
                    bottom = Math.max(bottom, y);
                }
            }
        }

        return n < 2000 ? null : { x: (left + right) / 2 / width,
                                   y: (top + bottom) / 2 / height };
    });
}


const actions = {

    async login() {
        await visit(() => page.goto(`${url}/login?next=/remote-desktop`));
        await page.getByRole('button', { name: user }).click();
        await page.waitForURL('**/remote-desktop');
        await page.locator('#start:visible, #stop:visible').waitFor();
        await shot('login');
        return { user: await page.locator('#who').textContent() };
    },

    async start() {
        said.length = 0;
        await page.evaluate(() => {
            const message = document.getElementById('message');
            new MutationObserver(() => window.rdSaid(message.textContent))
                .observe(message, { childList: true });
        });

        await page.locator('#start').click();
        await page.locator('[data-in=starting]').waitFor();
        await shot('starting');

        const end = await Promise.race([
            page.locator('#viewer iframe').waitFor().then(() => 'desktop'),
            page.locator('#error-title').waitFor().then(() => 'error'),
        ]);

        if (end === 'error') {
            throw new Error(await page.locator('[data-in=error]').innerText());
        }

        return { said: said.filter((s, i) => s && s !== said[i - 1]) };
    },

    async desktop() {
        await screen().waitFor();
        const seen = await until('the desktop is painted', async () => {
            const now = await colours();
            return now.colours > 1 && await terminal() && now;
        });

        await shot('desktop');
        return { ...seen, clock: await page.locator('#clock').textContent() };
    },

    async type() {
        const box = await screen().boundingBox();
        const at = await terminal();

        await page.mouse.click(box.x + at.x * box.width,
                               box.y + at.y * box.height);
        await page.keyboard.type(typed, { delay: 20 });
        await page.keyboard.press('Enter');
        await shot('typed');
        return { typed };
    },

    async extend() {
        const used = page.locator('#extensions');
        const before = await used.textContent();

        await page.locator('#extend').click();
        await until('the extension counts', async () =>
            await used.textContent() !== before);
        return { clock: await page.locator('#clock').textContent(),
                 extensions: await used.textContent() };
    },

    async reload() {
        await visit(() => page.reload());
        await screen().waitFor();
        return {};
    },

    async terminal() {
        await page.getByRole('tab', { name: 'Terminal' }).click();
        await shell().waitFor();
        await seen(/\$ *$/m, 'a prompt');
        await shot('terminal');
        return { text: await shellText() };
    },

    async shell() {
        const see = new RegExp(env('SEE', 'typed'), 'm');

        await shell().click();
        await page.keyboard.type(typed, { delay: 10 });
        await page.keyboard.press('Enter');
        await seen(see, see.source);
        await shot('shell');
        return { text: await shellText() };
    },

    async ssh() {
        await page.getByRole('tab', { name: 'SSH' }).click();
        await page.locator('#ssh-data').waitFor();
        await shot('ssh');
        await page.getByRole('button', { name: 'Copy the password' }).click();
        await page.getByText('Copied.', { exact: true }).waitFor(
            { state: 'attached' });
        return { command: await page.locator('#ssh-command').textContent(),
                 password: await page.locator('#ssh-password').textContent() };
    },

    async modes() {
        const tabs = page.getByRole('tab');

        return {
            tabs: await tabs.allTextContents(),
            chosen: await page.locator('[role=tab][aria-selected=true]')
                              .textContent(),
            frames: await page.locator('iframe').count(),
        };
    },

    async again() {
        await visit(() => page.reload());
        await page.locator('[role=tab][aria-selected=true]').waitFor();
        return actions.modes();
    },

    async intruder() {
        const owner = env('OWNER', '1');
        const path = `${url.replace(/^http/, 'ws')}/remote-desktop/vnc/${owner}`
            + '/websockify';
        let open = false;

        // one that is dropped on its way is not refused (see visit)
        for (let n = 0; n < 3 && !open; n++) {
            open = await page.evaluate((at) => new Promise((resolve) => {
                const socket = new WebSocket(at, ['binary']);
                socket.onopen = () => resolve(true);
                socket.onerror = () => resolve(false);
            }), path);
        }

        return { open };
    },

    // both pages without a frame around them, to hear what they say at the end
    async alone() {
        const owner = env('OWNER', '2');

        for (const path of ['vnc', 'terminal']) {
            const other = await page.context().newPage();

            other.setDefaultTimeout(timeout);
            other.on('pageerror', (e) => say('pageerror',
                                             { error: e.message }));
            await visit(() => other.goto(
                `${url}/remote-desktop/${path}/${owner}/`));
            await other.locator('body[data-view=open]').waitFor();
            others.push(other);
        }

        await page.bringToFront();
        return {};
    },

    async farewell() {
        const titles = [];

        for (const other of others) {
            await other.locator('body[data-view=gone]').waitFor();
            titles.push(await other.locator('#title').textContent());
        }

        return { titles };
    },

    async viewer() {
        const other = await page.context().newPage();

        other.setDefaultTimeout(timeout);
        other.on('pageerror', (e) => say('pageerror', { error: e.message }));
        await visit(() => other.goto(
            `${url}/remote-desktop/vnc/${env('OWNER', '2')}/`));
        others.push(other);
        return {};
    },

    async off() {
        const [other] = others;

        await other.locator('body[data-view=closed]').waitFor();
        return { title: await other.locator('#title').textContent() };
    },

    async stop() {
        await page.locator('#stop').click();
        await page.locator('#confirm button[value=stop]').click();
        await page.locator('#start').waitFor();
        await shot('stopped');
        return {};
    },

    async logout() {
        await visit(() => page.goto(`${url}/logout`));
        await visit(() => page.goto(`${url}/remote-desktop`));
        await page.locator('#login').waitFor();
        await shot('logout');
        return { href: await page.locator('#login').getAttribute('href') };
    },
};


/* xterm.js, in the frame of the terminal; its rows are text */

function shell() {
    return page.frameLocator('#terminal iframe').locator('.xterm-screen');
}


async function shellText() {
    const rows = await page.frameLocator('#terminal iframe')
        .locator('.xterm-rows > div').allTextContents();

    return rows.map((row) => row.replace(/\u00a0/g, ' ').trimEnd())
               .filter((row) => row).join('\n');
}


function seen(what, name) {
    return until(`the terminal shows ${name}`,
                 async () => what.test(await shellText()));
}


// whoever started us says when to go on, or is gone
function word() {
    return Promise.race([
        new Promise((resolve) => lines.once('line', resolve)),
        gone.then(() => { throw new Error('stdin was closed'); }),
    ]);
}


async function run() {
    const unknown = steps.find((step) => !(step in actions));

    if (unknown !== undefined) {
        throw new Error(`RD_STEPS: there is no step "${unknown}"`);
    }

    for (const step of steps) {
        say(step, await actions[step]());

        if (hold.includes(step)) {
            await word();
        }
    }
}


const lines = createInterface({ input: process.stdin });
const gone = new Promise((resolve) => lines.once('close', resolve));
const browser = await chromium.launch({
    executablePath: env('CHROMIUM', '/usr/bin/chromium'),
    args: flags,
});

try {
    const context = await browser.newContext(
        { viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    page.setDefaultTimeout(timeout);
    await page.exposeFunction('rdSaid', (text) => said.push(text));

    // a page that breaks is a failure, whatever it looks like
    page.on('pageerror', (e) => say('pageerror', { error: e.message }));
    page.on('console', (m) => {
        // a script that was dropped is loaded once more, as in visit()
        if (m.type() === 'error' && !/ERR_NETWORK_CHANGED/.test(m.text())) {
            say('console', { error: m.text(), at: m.location().url });
        }
    });

    await run();
    say('done', {});
} catch (error) {
    await shot('failed').catch(() => {});
    say('failed', { error: error.message });
    process.exitCode = 1;
} finally {
    lines.close();
    await browser.close();
}
