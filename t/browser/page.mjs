// page.mjs: a browser that takes its orders from t/lib/RD/Page.pm.  Each line
// of stdin is a JSON array, [operation, argument...]; each gets one line back,
// {"ok": result} or {"error": sentence}; ["end"] or the end of stdin ends it.
//
//   RD_NODE, RD_URL, RD_CHROMIUM   as for desktop.mjs
//   RD_SHOTS        folder for screenshots; default: none are taken
//   RD_TIMEOUT_MS   of each operation that waits; default 20000

import { createRequire } from 'node:module';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import path from 'node:path';

const env = (name, fallback) => process.env[`RD_${name}`] || fallback;

const url = env('URL', 'http://127.0.0.1:8080');
const shots = env('SHOTS', '');
const timeout = Number(env('TIMEOUT_MS', '20000'));

const node = path.resolve(env('NODE', 'build/node'));
const { chromium } = createRequire(`${node}/package.json`)('playwright-core');

const flags = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync',
];

const errors = [];          // uncaught ones, of all pages
let context, page;
let network;                // DevTools session that sees the page's requests
let requests = [];          // { url, status, encoding, bytes, cached }


function watch(one) {
    one.setDefaultTimeout(timeout);
    one.on('pageerror', (e) => errors.push(e.message));
}


// bytes are those of the wire; Playwright's own events do not have them
async function watchNetwork() {
    const known = new Map();

    requests = [];
    network = await context.newCDPSession(page);
    await network.send('Network.enable');

    network.on('Network.requestWillBeSent', ({ requestId, request }) => {
        const seen = { url: request.url, bytes: 0, status: 0, cached: false };

        known.set(requestId, seen);
        requests.push(seen);
    });
    network.on('Network.requestServedFromCache', ({ requestId }) => {
        known.get(requestId).cached = true;
    });
    network.on('Network.responseReceived', ({ requestId, response }) => {
        const seen = known.get(requestId);

        if (seen) {
            seen.status = response.status;
            seen.encoding = response.headers['Content-Encoding'] ?? '';
            seen.cached ||= response.fromDiskCache;
        }
    });
    network.on('Network.loadingFinished', (done) => {
        const seen = known.get(done.requestId);

        if (seen) {
            seen.bytes = done.encodedDataLength;
        }
    });
}


const operations = {

    // a new player: own cookies, cache and storage; options: { cookie, width,
    // height, javaScriptEnabled, ... }
    async visitor({ cookie, width = 1280, height = 800, ...options } = {}) {
        await context?.close();
        context = await browser.newContext(
            { viewport: { width, height }, ...options });
        page = await context.newPage();
        watch(page);
        await watchNetwork();

        if (cookie) {
            await operations.cookie(cookie);
        }
    },

    async cookie(value) {
        await context.clearCookies();

        if (value) {
            await context.addCookies([{ name: 'session', value, url }]);
        }
    },

    async open(where = '/remote-desktop', waitUntil = 'load') {
        await page.goto(url + where, { waitUntil });
    },

    async reload() {
        await page.reload();
    },

    // until an expression is true in the page; its value.  Playwright's own
    // way evaluates in the page, which the policy of our pages forbids.
    async wait(expression) {
        const end = Date.now() + timeout;

        for ( ;; ) {
            let value;

            try {
                value = await page.evaluate(expression);
            } catch (error) {
                // the page may be between two documents
                if (!/context was destroyed|navigat/i.test(error.message)) {
                    throw error;
                }
            }

            if (value) {
                return value;
            }

            if (Date.now() > end) {
                await operations.shot('failed');
                throw new Error(`not within ${timeout} ms`);
            }

            await new Promise((resolve) => setTimeout(resolve, 25));
        }
    },

    eval: (expression) => page.evaluate(expression),
    text: (selector) => page.locator(selector).innerText(),
    click: (selector) => page.locator(selector).click(),
    press: (key) => page.keyboard.press(key),
    offline: (yes) => context.setOffline(yes),
    size: (width, height) => page.setViewportSize({ width, height }),

    permit: (...names) => context.grantPermissions(names),

    // what can be seen, one line each
    async lines() {
        const text = await page.locator('body').innerText();
        return text.split('\n').map((s) => s.trim()).filter((s) => s);
    },

    // at the width of a phone, too
    async shot(name) {
        if (!shots) {
            return;
        }

        const size = page.viewportSize();

        for (const width of [size.width, 360]) {
            await page.setViewportSize({ width, height: size.height });

            // Playwright's own way waits for the fonts of a page that loads
            const { data } = await network.send('Page.captureScreenshot');
            await writeFile(path.join(shots, `${name}-${width}.png`), data,
                            'base64');
        }

        await page.setViewportSize(size);
    },

    // answers an address in place of the server
    async answer(glob, status, body, headers = {}) {
        await page.route(glob, (route) => route.fulfill({
            status, headers, contentType: 'application/json',
            body: JSON.stringify(body),
        }));
    },

    // holds requests of an address back, for ever
    async hold(glob) {
        await page.route(glob, () => {});
    },

    async unanswer(glob) {
        await page.unroute(glob);
    },

    // those since the last time
    async requests() {
        const seen = requests;

        requests = [];
        return seen;
    },

    errors: async () => errors,
};


const browser = await chromium.launch({
    executablePath: env('CHROMIUM', '/usr/bin/chromium'),
    args: flags,
});

for await (const line of createInterface({ input: process.stdin })) {
    const [operation, ...args] = JSON.parse(line);

    if (operation === 'end') {
        break;
    }

    try {
        const ok = await operations[operation](...args);
        console.log(JSON.stringify({ ok: ok ?? null }));
    } catch (error) {
        console.log(JSON.stringify({ error: error.message }));
    }
}

await browser.close();
