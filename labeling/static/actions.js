/** What keys, buttons and hands do: each action by the name it has in keys.js, each intent by its own. */

import { snapped, WINDOW_PX } from "./blob.js";
import { toPhoto } from "./camera.js";
import { greyWindow } from "./paint.js";
import { FILTERS, listedIds, neighbour, openDoc, trouble } from "./state.js";
import { openGhosts } from "./view.js";

/** Actions that change the photo wait until a conflict about it is settled. */
const CHANGES = new Set([
  ...["snap", "remove", "nudge-left", "nudge-right", "nudge-up", "nudge-down", "undo", "redo"],
  ...["clean", "skip", "accept", "accept-all", "bring-back", "mark", "select", "drag", "drop"],
]);

/**
 * @param {{state, look, dispatch, turn}} page
 * @param {import("./journey.js").Journey} journey
 * @param {import("./pictures.js").Pictures} pictures
 * @param {Record<string, () => void>} dialogs what opens a dialog, by action
 * @returns {(name: string, detail?: any) => void} does an action; keys give the time they were pressed
 */
export function actor(page, journey, pictures, dialogs) {
  const { dispatch, turn } = page;
  const doc = () => openDoc(page.state());
  const chosen = () => doc()?.centers[page.state().selected];
  const pointed = () => {
    const { look } = page;
    return look().pointer && look().camera && toPhoto(look().camera, look().view, look().pointer);
  };

  async function snap(index, point) {
    const photo = doc();
    const grey = await greyWindow(photo, pictures, point, WINDOW_PX);
    const found = grey && snapped(grey.window, { x: point.x - grey.corner.x, y: point.y - grey.corner.y });
    if (doc()?.id !== photo.id) return;
    if (!found) return dispatch({ type: "noticed", text: "No spot stands out there: mark it by eye." });
    const middle = { x: found.x + grey.corner.x, y: found.y + grey.corner.y };
    dispatch(index >= 0 ? { type: "moved", index, point: middle } : { type: "marked", point: middle });
  }

  function snapChosen() {
    if (chosen()) snap(page.state().selected, chosen());
    else if (doc() && pointed()) snap(-1, pointed());
  }

  function select(step) {
    const n = doc()?.centers.length;
    if (!n) return;
    const { selected } = page.state();
    const index = selected < 0 ? (step > 0 ? 0 : n - 1) : (selected + step + n) % n;
    dispatch({ type: "selected", index });
    turn({ type: "shown", point: doc().centers[index] });
  }

  function nudge(dx, dy) {
    const center = chosen();
    if (!center) return;
    dispatch({ type: "moved", index: page.state().selected, point: { x: center.x + dx, y: center.y + dy } });
  }

  async function step(type) {
    const entry = (type === "undone" ? page.state().past : page.state().future).at(-1);
    if (entry && !page.state().docs.has(entry.photoId) && !(await journey.load(entry.photoId))) return;
    const before = page.state().open;
    dispatch({ type });
    if (page.state().open !== before) journey.arrived();
  }

  function accept(all) {
    const ghosts = page.look().ghosts ? openGhosts(page.state()) : [];
    if (!ghosts.length) return;
    const at = pointed();
    const off = (ghost) => (at ? Math.hypot(ghost.x - at.x, ghost.y - at.y) : -ghost.p);
    const points = all ? ghosts : [ghosts.reduce((a, b) => (off(b) < off(a) ? b : a))];
    dispatch({ type: "accepted", points });
  }

  async function declare(status, since) {
    if (!doc()) return journey.goOn(since);
    const before = page.state().notice;
    dispatch({ type: "declared", status });
    const said = page.state().notice;
    await journey.goOn(since);
    if (said && said !== before) dispatch({ type: "noticed", text: said });
  }

  function nextFilter() {
    const names = Object.keys(FILTERS);
    dispatch({ type: "filtered", filter: names[(names.indexOf(page.state().filter) + 1) % names.length] });
  }

  function mark({ at, snap: wanted }) {
    const photo = doc();
    if (!photo) return;
    const point = toPhoto(page.look().camera, page.look().view, at);
    if (point.x < 0 || point.y < 0 || point.x >= photo.width || point.y >= photo.height) return;
    if (wanted) snap(-1, point);
    else dispatch({ type: "marked", point });
  }

  const dragged = ({ index, by }) => {
    const center = doc().centers[index];
    const { scale } = page.look().camera;
    return { x: center.x + by.x / scale, y: center.y + by.y / scale };
  };

  function drag(intent) {
    const { index } = intent;
    turn({ type: "dragged", drag: index < 0 ? null : { index, point: dragged(intent) } });
  }

  function drop(intent) {
    const point = dragged(intent);
    turn({ type: "dragged", drag: null });
    dispatch({ type: "moved", index: intent.index, point });
  }

  const go = (find) => (since) => journey.open(find(), since);
  const toggle = (panel) => () => turn({ type: "toggled", panel });
  const scaled = (scale) => () => turn({ type: "scaled", scale: scale / page.look().ratio });
  const toned = (name, by) => () => turn({ type: "toned", [name]: page.look()[name] * by });

  const ACTIONS = {
    snap: snapChosen,
    remove: ({ index } = {}) => {
      const at = index ?? page.state().selected;
      if (doc()?.centers[at]) dispatch({ type: "removed", index: at });
    },
    "select-next": () => select(1),
    "select-previous": () => select(-1),
    "nudge-left": () => nudge(-1, 0),
    "nudge-right": () => nudge(1, 0),
    "nudge-up": () => nudge(0, -1),
    "nudge-down": () => nudge(0, 1),
    escape: () => dispatch({ type: "selected", index: -1 }),
    undo: () => step("undone"),
    redo: () => step("redone"),
    "go-on": (since) => journey.goOn(since),
    clean: (since) => declare("clean", since),
    skip: (since) => declare("skipped", since),
    next: go(() => neighbour(page.state(), 1)),
    previous: go(() => neighbour(page.state(), -1)),
    first: go(() => listedIds(page.state())[0]),
    last: go(() => listedIds(page.state()).at(-1)),
    filter: nextFilter,
    "zoom-in": () => turn({ type: "zoomed", factor: 1.3 }),
    "zoom-out": () => turn({ type: "zoomed", factor: 1 / 1.3 }),
    fit: () => turn({ type: "fitted" }),
    actual: scaled(1),
    double: scaled(2),
    darker: toned("brightness", 1 / 1.12),
    brighter: toned("brightness", 1.12),
    flatter: toned("contrast", 1 / 1.12),
    steeper: toned("contrast", 1.12),
    plain: () => turn({ type: "toned", brightness: 1, contrast: 1 }),
    side: toggle("side"),
    outlines: toggle("outlines"),
    strip: toggle("strip"),
    ghosts: toggle("ghosts"),
    accept: () => accept(false),
    "accept-all": () => accept(true),
    "bring-back": (version) => dispatch({ type: "restored", version }),
    mark,
    select: ({ index }) => dispatch({ type: "selected", index }),
    drag,
    drop,
    pan: ({ dx, dy }) => turn({ type: "panned", dx, dy }),
    zoom: ({ factor, at }) => turn({ type: "zoomed", factor, at }),
    aim: ({ at }) => turn({ type: "pointed", at }),
    ...dialogs,
  };

  return (name, detail) => {
    const { open } = page.state();
    if (CHANGES.has(name) && trouble(page.state(), open)) return;
    ACTIONS[name](detail);
  };
}
