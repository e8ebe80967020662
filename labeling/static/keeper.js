/** Keeps things in the browser, over reloads and crashes of it. */

/** Keeps each thing under a key of its own, so that two tabs never overwrite each other's. Its `saveId` sorts. */
export class Keeper {
  constructor(prefix) {
    this.prefix = prefix;
    this.kept = new Map();
  }

  load() {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    const things = keys.sort().map((key) => JSON.parse(localStorage.getItem(key)));
    this.kept = new Map(things.map((thing) => [thing.saveId, thing]));
    return things;
  }

  /** Keep just these. @returns {boolean} whether the browser has kept all of them */
  keep(things) {
    const wanted = new Map(things.map((thing) => [thing.saveId, thing]));
    for (const id of this.kept.keys()) if (!wanted.has(id)) this.drop(id);
    try {
      for (const [id, thing] of wanted) {
        if (this.kept.get(id) === thing) continue;
        localStorage.setItem(this.prefix + id, JSON.stringify(thing));
        this.kept.set(id, thing);
      }
      return true;
    } catch {
      return false;
    }
  }

  drop(id) {
    localStorage.removeItem(this.prefix + id);
    this.kept.delete(id);
  }
}
