/** The tiles of photos: asked for in order of need, decoded off the main thread, kept while there is room. */

const AT_ONCE = 5;
const ROOM_BYTES = 320e6;

export class Pictures {
  /**
   * @param {() => void} ready called when a tile has come
   * @param {(photoId: string, message: string) => void} broken called when the server cannot make one
   */
  constructor(ready, broken) {
    this.ready = ready;
    this.broken = broken;
    this.kept = new Map();
    this.bytes = 0;
    /** How many tiles have come: changes when there is something new to draw. */
    this.arrived = 0;
    this.waiting = new Map();
    this.running = new Map();
    this.lost = new Set();
  }

  static address = (photo, { level, column, row }) =>
    `/api/tile?photo_id=${encodeURIComponent(photo.id)}&v=${photo.version}&level=${level}&column=${column}&row=${row}`;

  /** The tile if it is there. */
  get(photo, tile) {
    const address = Pictures.address(photo, tile);
    const bitmap = this.kept.get(address);
    if (bitmap) {
      this.kept.delete(address);
      this.kept.set(address, bitmap);
    }
    return bitmap;
  }

  /** Ask for tiles, most wanted first; they replace what was waiting (what is under way goes on). */
  want(wanted) {
    this.waiting = new Map();
    for (const [photo, tile] of wanted) {
      const address = Pictures.address(photo, tile);
      const known = this.kept.has(address) || this.running.has(address) || this.lost.has(address);
      if (!known) this.waiting.set(address, true);
    }
    this.pump();
  }

  /** The tile, waited for. */
  async fetch(photo, tile) {
    const address = Pictures.address(photo, tile);
    return this.kept.get(address) ?? (await (this.running.get(address) ?? this.load(address)));
  }

  pump() {
    for (const address of this.waiting.keys()) {
      if (this.running.size >= AT_ONCE) return;
      this.waiting.delete(address);
      this.load(address);
    }
  }

  load(address) {
    const coming = (async () => {
      try {
        const answer = await fetch(address);
        if (!answer.ok) return this.refused(address, await answer.json());
        const bitmap = await createImageBitmap(await answer.blob());
        this.keep(address, bitmap);
        return bitmap;
      } catch {
        return null;
      } finally {
        this.running.delete(address);
        this.ready();
        this.pump();
      }
    })();
    this.running.set(address, coming);
    return coming;
  }

  refused(address, { error }) {
    this.lost.add(address);
    this.broken(new URL(address, location.href).searchParams.get("photo_id"), error.message);
    return null;
  }

  keep(address, bitmap) {
    this.arrived++;
    this.kept.set(address, bitmap);
    this.bytes += bitmap.width * bitmap.height * 4;
    for (const [oldest, old] of this.kept) {
      if (this.bytes <= ROOM_BYTES) break;
      this.kept.delete(oldest);
      this.bytes -= old.width * old.height * 4;
      old.close();
    }
  }
}
