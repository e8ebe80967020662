/** Sends the queue of saves, one at a time and in order. */

import * as outbox from "./outbox.js";

const PATIENCE_MS = 10_000;
const RETRY_MS = [300, 700, 1500, 3000, 5000];

/** An answer of the server, or null when there was none. */
export async function call(path, body = null, patienceMs = PATIENCE_MS) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  try {
    const answer = await fetch(path, { ...options, signal: AbortSignal.timeout(patienceMs) });
    return { status: answer.status, body: await answer.json() };
  } catch {
    return null;
  }
}

export class Sender {
  /** @param {{state: () => object, dispatch: (event: object) => void}} page */
  constructor(page) {
    this.page = page;
    this.busy = false;
    this.failures = 0;
    this.timer = 0;
  }

  /** Send what waits, now. Does nothing while a send is under way. */
  async kick() {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.timer);
    try {
      for (let entry; (entry = outbox.next(this.page.state().box)); )
        if (!(await this.send(entry))) return this.later();
    } finally {
      this.busy = false;
    }
  }

  async send({ saveId }) {
    this.page.dispatch({ type: "sending", saveId });
    const entry = this.page.state().box.find((other) => other.saveId === saveId);
    const { photoId, reader, annotator, began, centers, status } = entry;
    const message = { photo_id: photoId, reader, annotator, centers, status, expected_revision: began.revision };
    const answer = await call("/api/save", message);
    const reachable = answer !== null && answer.status < 500;
    this.page.dispatch({ type: "line", line: { reachable } });
    if (!reachable) return false;
    this.failures = 0;
    const { annotation, error, current } = answer.body;
    if (answer.status === 200) this.page.dispatch({ type: "acknowledged", saveId, annotation });
    else this.page.dispatch({ type: "refused", saveId, trouble: { ...error, current } });
    return true;
  }

  later() {
    this.timer = setTimeout(() => this.kick(), RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]);
  }
}
