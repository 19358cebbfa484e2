// The login view: the way to CTFd's login page, and what is wrong when somebody
// comes back from there and is not logged in.

import * as api from './api.js';
import { loginLost } from './words.js';

const $ = (id) => document.getElementById(id);

let told = false;           // the server was, once per page


// known: this page has seen somebody logged in, so this is a logout
export function showLost(problem, known) {
    const words = known || !cameFrom(problem.loginUrl)
        ? '' : loginLost(problem.reason);

    $('login-lost').textContent = words;
    $('login-lost').hidden = words === '';

    if (words && !told && problem.reason === 'no_cookie') {
        told = true;
        api.loginLost();
    }
}


function cameFrom(url) {
    try {
        const from = new URL(document.referrer);
        const login = new URL(url, location.href);

        return from.origin === login.origin && from.pathname === login.pathname;
    } catch {
        return false;       // from nowhere
    }
}
