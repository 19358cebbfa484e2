// The line above the views.  Each topic has at most one sentence, and the first
// topic of the list that has one is shown.

const topics = ['reach', 'press', 'time', 'drain', 'ended'];

const said = new Map();     // topic -> { text, timer }


// text '': there is nothing (more) to say; seconds: for so long only
export function notice(topic, text, seconds) {
    clearTimeout(said.get(topic)?.timer);
    said.delete(topic);

    if (text) {
        const timer = seconds
            ? setTimeout(notice, seconds * 1000, topic, '') : null;
        said.set(topic, { text, timer });
    }

    showFirst();
}


export function clearNotices() {
    for (const { timer } of said.values()) {
        clearTimeout(timer);
    }

    said.clear();
    showFirst();
}


// a screen reader reads what changes, so nothing is written twice
function showFirst() {
    const line = document.getElementById('notice');
    const topic = topics.find((t) => said.has(t));
    const text = topic ? said.get(topic).text : '';

    if (line.textContent !== text) {
        line.textContent = text;
        line.hidden = text === '';
    }
}
