// viewer.mjs: what a player does with an open desktop, in a real browser: copy
// and paste, full screen, keys, a phone beside it, a path that dies.  Like
// desktop.mjs it prints a JSON line for each step, and takes
//
//   RD_NODE, RD_URL, RD_USER, RD_SHOTS, RD_STEPS, RD_HOLD, RD_TIMEOUT_MS
//   RD_OWNER   the user id of RD_USER
//   RD_ADMIN, RD_OTHER  an administrator and another player at the stand-in

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import net from 'node:net';
import path from 'node:path';

const env = (name, fallback) => process.env[`RD_${name}`] || fallback;

const url = env('URL', 'http://127.0.0.1:8080');
const user = env('USER', 'ada');
const owner = env('OWNER', '2');
const shots = env('SHOTS', '');
const steps = env('STEPS', '').split(',');
const hold = env('HOLD', '').split(',');
const timeout = Number(env('TIMEOUT_MS', '60000'));

const node = path.resolve(env('NODE', 'build/node'));
const { chromium } = createRequire(`${node}/package.json`)('playwright-core');

const { port } = new URL(url);
const plain = `http://ctf.test:${port}`;            // no secure context
const vnc = `/remote-desktop/vnc/${owner}/`;

const flags = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--host-resolver-rules=MAP ctf.test 127.0.0.1',
];

const lines = ['grüße 日本 🎉', 'second\ttab'].join('\n');
const million = '日本語…'.repeat(1e6 / 12);   // 1 MB in UTF-8

const begun = Date.now();
const pages = {};           // by name
let page, frame, proxy, died;


function say(step, more) {
    console.log(JSON.stringify({ step, ms: Date.now() - begun, ...more }));
}


async function shot(name, of = page) {
    if (shots) {
        await of.screenshot({ path: path.join(shots, `${name}.png`) });
    }
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

        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}


async function context(options, who, site = url) {
    const made = await browser.newContext(
        { viewport: { width: 1280, height: 800 }, ...options });

    made.setDefaultTimeout(timeout);
    made.on('weberror', (e) => say('pageerror', { error: e.error().message }));

    const first = await made.newPage();

    await visit(() => first.goto(`${site}/login?next=/remote-desktop`));
    await first.getByRole('button', { name: who }).click();
    await first.waitForURL('**/remote-desktop');
    await first.locator('#start:visible, #stop:visible').waitFor();
    return first;
}


// a browser drops what is under way when a network interface comes or goes
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


const open = (of) => of.locator('body[data-view=open]').waitFor();
const canvas = (of) => of.locator('#screen canvas');

const size = (of) => canvas(of).evaluate(({ width, height }) =>
    `${width}x${height}`);

const room = (of) => of.locator('#screen').evaluate((e) =>
    `${e.clientWidth}x${e.clientHeight}`);

const fits = (of) => until('the desktop has the size of its window',
                           async () => await size(of) === await room(of));


/* a path that can die: what is open hears nothing more, and nobody is told */

function pathTo(target) {
    let pairs = [];

    const server = net.createServer((near) => {
        const far = net.connect(target, '127.0.0.1');

        near.pipe(far).pipe(near);
        near.on('error', () => far.destroy());
        far.on('error', () => near.destroy());
        pairs.push([near, far]);
    });

    return new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve({
            port: server.address().port,
            die() {
                for (const [near, far] of pairs) {
                    near.unpipe(far).pause();
                    far.unpipe(near).pause();
                }
                pairs = [];
            },
        }));
    });
}


const actions = {

    async start() {
        page = await context(
            { permissions: ['clipboard-read', 'clipboard-write'] }, user);
        await page.addInitScript(() => {
            window.locked = 0;
            const { lock } = Keyboard.prototype;

            Keyboard.prototype.lock = function (...keys) {
                window.locked++;
                return lock.apply(this, keys);
            };
        });
        await visit(() => page.reload());
        await page.locator('#start:visible').click();
        await page.locator('#viewer iframe').waitFor();
        frame = page.frame({ url: `${url}${vnc}` })
            ?? await page.waitForEvent('frameattached');
        frame = page.frames().find((f) => f !== page.mainFrame());
        await open(frame);
        await fits(frame);
        await shot('viewer');
        return { size: await size(frame) };
    },

    // two pages on a path that dies while all else goes on
    async path() {
        proxy = await pathTo(port);
        const far = `http://127.0.0.1:${proxy.port}`;

        pages.path = await context({}, user, far);
        const { context: of } = { context: pages.path.context() };
        pages.shell = await of.newPage();
        await visit(() => pages.path.goto(`${far}${vnc}`));
        await visit(() => pages.shell.goto(
            `${far}/remote-desktop/terminal/${owner}/`));
        await open(pages.path);
        await open(pages.shell);

        // the first beat says that there are some
        await pages.shell.locator('.xterm-rows').getByText('$').first()
            .waitFor();
        await new Promise((resolve) => setTimeout(resolve, 500));

        proxy.die();
        const at = Date.now();

        died = Promise.all(['path', 'shell'].map(async (name) => {
            const of = pages[name];

            await of.locator('#doubt:visible').waitFor();
            const doubted = Date.now() - at;
            await shot(`${name}-doubt`, of);
            await of.locator('body[data-view=connecting]').waitFor();
            const noticed = Date.now() - at;
            await shot(`${name}-lost`, of);
            await open(of);
            return { name, doubted, noticed, back: Date.now() - at };
        }));
        died.catch(() => {});
        return {};
    },

    async died() {
        const told = await died;

        await pages.path.context().close();
        return Object.fromEntries(told.map((t) => [t.name, t]));
    },

    /* the clipboard */

    async paste() {
        await page.evaluate((t) => navigator.clipboard.writeText(t), lines);
        await canvas(frame).focus();
        await page.keyboard.press('Control+V');
        return {};
    },

    async focus() {
        await page.evaluate((t) => navigator.clipboard.writeText(t), million);
        await frame.evaluate(() => window.dispatchEvent(new Event('focus')));
        return { bytes: new TextEncoder().encode(million).length };
    },

    // what the test has put into the desktop's clipboard
    async copy() {
        const text = await until('the text has come', async () => {
            const now = await page.evaluate(() =>
                navigator.clipboard.readText());
            return now.startsWith('from') && now;
        });

        await page.evaluate((t) => navigator.clipboard.writeText(t), 'seen');
        return { text: text.slice(0, 100), bytes: Buffer.byteLength(text) };
    },

    async copyAgain() {
        return actions.copy();
    },

    // plain http: no clipboard of the browser's, only the field
    async plain() {
        pages.plain = await context({ viewport: { width: 360, height: 640 } },
                                    user, plain);
        await visit(() => pages.plain.goto(`${plain}${vnc}`));
        await open(pages.plain);

        const secure = await pages.plain.evaluate(() => isSecureContext);

        await pages.plain.getByRole('button',
                                    { name: 'Keys and clipboard' }).click();
        await pages.plain.locator('#clip').fill(lines);
        await pages.plain.getByRole('button', { name: 'Send to the' }).click();
        await shot('drawer-360', pages.plain);
        return { secure };
    },

    async field() {
        const field = pages.plain.locator('#clip');

        await until('the text has come', async () =>
            (await field.inputValue()).startsWith('from'));
        await pages.plain.keyboard.press('Escape');

        return { text: await field.inputValue(),
                 drawer: await pages.plain.locator('#drawer').isVisible() };
    },

    /* sizes */

    // the phone is open; it was used last
    async phone() {
        await fits(pages.plain);
        const phone = await size(pages.plain);

        await until('the desktop is small here, too', async () =>
            await size(frame) === phone);

        // a notice comes and goes, and so does this window's size
        await page.setViewportSize({ width: 1200, height: 760 });
        const before = await room(frame);
        await page.evaluate(() => {
            document.getElementById('notice').textContent = 'Word';
            document.getElementById('notice').hidden = false;
        });
        const after = await room(frame);
        await shot('notice');
        await page.evaluate(() => {
            document.getElementById('notice').hidden = true;
        });

        const still = await size(pages.plain);

        await canvas(frame).focus();
        await page.keyboard.press('Shift');
        await fits(frame);
        await pages.plain.context().close();
        return { phone, still, before, after, size: await size(frame) };
    },

    /* keys */

    // a shell that writes down what it is told
    async keys() {
        const box = await canvas(frame).boundingBox();
        const at = await until('a terminal', () => terminal(frame));

        await page.mouse.click(box.x + at.x * box.width,
                               box.y + at.y * box.height);
        await page.keyboard.type(
            'stty -icanon -ixon min 1; stty intr undef lnext undef; '
            + 'cat -vu > /tmp/keys\n', { delay: 15 });
        await frame.locator('#drawer-open').click();
        await shot('drawer');

        for (const name of ['Esc', 'Ctrl+W', 'Ctrl+T', 'Ctrl+N']) {
            await frame.getByRole('button', { name, exact: true }).click();
        }

        await frame.locator('#drawer-close').click();
        return {};
    },

    async full() {
        await timeLeft(page, 200);

        await page.getByRole('button', { name: 'Full screen' }).click();
        await frame.locator('#left:visible').waitFor();
        await frame.locator('#warning:visible').waitFor();
        await fits(frame);
        await shot('full');
        await page.keyboard.press('Escape');
        await page.keyboard.type('x', { delay: 15 });

        const answer = {
            locked: await page.evaluate(() => window.locked),
            left: await frame.locator('#left').textContent(),
            warning: await frame.locator('#warning').textContent(),
            still: await page.evaluate(() =>
                document.fullscreenElement !== null),
            size: await size(frame), room: await room(frame),
        };

        await page.evaluate(() => document.exitFullscreen());
        await frame.locator('#left').waitFor({ state: 'hidden' });
        await page.unrouteAll({ behavior: 'ignoreErrors' });
        return answer;
    },

    // opened with little time left, and alone: the warning is there at once
    async late() {
        const other = await page.context().newPage();

        await timeLeft(other, 40);
        await visit(() => other.goto(`${url}${vnc}`));
        await other.locator('#warning:visible').waitFor();
        await shot('late', other);
        const warning = await other.locator('#warning').textContent();

        // and leaving is asked about, once somebody has done something here
        await other.locator('#drawer-open').click();
        const asked = other.waitForEvent('dialog');
        await other.close({ runBeforeUnload: true });
        const dialog = await asked;
        const type = dialog.type();
        await dialog.accept();
        return { warning, type };
    },

    /* somebody else looks on */

    async peek() {
        const before = await size(frame);

        pages.peek = await context({ viewport: { width: 700, height: 500 } },
                                   env('ADMIN', 'admin'));
        await visit(() => pages.peek.goto(`${url}${vnc}`));
        await open(pages.peek);
        await pages.peek.locator('#watching:visible').waitFor();
        await canvas(pages.peek).click({ position: { x: 9, y: 9 } });
        await pages.peek.keyboard.type('peeker');
        await shot('peek', pages.peek);
        await pages.peek.locator('#drawer-open').click();

        const answer = {
            watching: await pages.peek.locator('#watching').textContent(),
            keys: await pages.peek.locator('[data-keys]:visible').count(),
            clip: await pages.peek.locator('#clip').isVisible(),
            before, after: await size(pages.peek),
        };

        // and a page that does not keep to it is not obeyed
        answer.forced = await pages.peek.evaluate(async (id) => {
            const { default: RFB } = await import(
                [...performance.getEntriesByType('resource')]
                    .find(({ name }) => name.endsWith('/core/rfb.js')).name);
            const { vnc_password: password } = await (await fetch(
                `/remote-desktop/api/credentials?user=${id}`)).json();
            const rfb = new RFB(document.body, new WebSocket(
                `ws://${location.host}/remote-desktop/vnc/${id}/websockify`,
                ['binary']), { credentials: { password } });

            await new Promise((resolve) =>
                rfb.addEventListener('connect', resolve));
            rfb.resizeSession = true;
            rfb.sendKey(0x66, 'KeyF');
            rfb.clipboardPasteFrom('forced');
            await new Promise((resolve) => setTimeout(resolve, 500));
            rfb.disconnect();
            return true;
        }, owner);

        await pages.peek.context().close();

        // a player who is neither sees nothing, and is not kept waiting
        const other = await context({}, env('OTHER', 'bob'));

        await visit(() => other.goto(`${url}${vnc}`));
        await other.locator('body[data-view=gone]').waitFor();
        answer.other = await other.locator('#title').textContent();
        await other.context().close();

        answer.last = await size(frame);
        return answer;
    },

    // the owner's page still types
    async last() {
        const box = await canvas(frame).boundingBox();
        const at = await until('a terminal', () => terminal(frame));

        await page.mouse.click(box.x + at.x * box.width,
                               box.y + at.y * box.height);
        await page.keyboard.type('last', { delay: 15 });
        return {};
    },

    // text into and out of xterm.js
    async shell() {
        await page.getByRole('tab', { name: 'Terminal' }).click();
        await page.locator('#terminal iframe').waitFor();
        const shell = await until('its frame', () => page.frames().find((f) =>
            f.url().includes('/terminal/')));

        await open(shell);
        await shell.locator('.xterm-rows').getByText('$').first().waitFor();
        await page.evaluate((t) => navigator.clipboard.writeText(t),
                            'echo "grüße 日本" > /tmp/pasted');
        await shell.locator('.xterm-screen').click();
        await page.keyboard.press('Control+Shift+V');
        await page.keyboard.press('Enter');
        await page.keyboard.type('clear; echo cop$((1))ed\n', { delay: 15 });
        const word = shell.locator('.xterm-rows').getByText(/^cop1ed/).first();
        await word.waitFor();
        const box = await word.boundingBox();
        await page.mouse.dblclick(box.x + 20, box.y + box.height / 2);
        await page.keyboard.press('Control+Shift+C');
        const text = await until('it was copied', async () => {
            const now = await page.evaluate(() =>
                navigator.clipboard.readText());
            return !now.startsWith('echo') && now;
        });

        await shell.locator('#drawer-open').click();
        await shot('terminal');

        // both frames are open: the overview asks for them
        const asks = await page.evaluate(() => !window.dispatchEvent(
            new Event('beforeunload', { cancelable: true })));

        return { text, asks };
    },

    async stop() {
        await page.locator('#stop').click();
        await page.locator('#confirm button[value=stop]').click();
        await page.locator('#start').waitFor();
        return {};
    },
};


/* the terminal is somewhere on the desktop, and has a ground of its own */

function terminal(of) {
    return canvas(of).evaluate((element) => {
        const { width, height } = element;
        const { data } = element.getContext('2d')
                                .getImageData(0, 0, width, height);
        let x = 0, y = 0, n = 0;

        for (let i = 0; i < width * height; i += 7) {
            if (data[4 * i] === 0x10 && data[4 * i + 1] === 0x15
                && data[4 * i + 2] === 0x1c)
            {
                n++;
                x += i % width;
                y += Math.floor(i / width);
            }
        }

        return n < 2000 ? null : { x: x / n / width, y: y / n / height };
    });
}


// of that page's desktop, as far as it is told
function timeLeft(of, seconds) {
    return of.route('**/api/status', async (route) => {
        try {
            const response = await route.fetch();
            const json = await response.json();

            json.session.timer.time_remaining = seconds;
            await route.fulfill({ response, json });
        } catch {
            // the page has gone meanwhile
        }
    });
}


function word() {
    return Promise.race([
        new Promise((resolve) => input.once('line', resolve)),
        gone.then(() => { throw new Error('stdin was closed'); }),
    ]);
}


const input = createInterface({ input: process.stdin });
const gone = new Promise((resolve) => input.once('close', resolve));
const browser = await chromium.launch({
    executablePath: env('CHROMIUM', '/usr/bin/chromium'),
    args: flags,
});

try {
    for (const step of steps) {
        say(step, await actions[step]());

        if (hold.includes(step)) {
            await word();
        }
    }

    say('done', {});
} catch (error) {
    await shot('failed').catch(() => {});
    say('failed', { error: error.message });
    process.exitCode = 1;
} finally {
    input.close();
    await browser.close();
    process.exit();
}
