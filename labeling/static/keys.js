/**
 * Every key and what it does: the table the page acts on and the `?` sheet is written from. Pure.
 *
 * A chord is written as `event.key` is, after `Ctrl+` (or Command) and `Shift+`; letters are lower case.
 */

export const KEYS = [
  ["Mark", [
    ["Click", null, "mark a dent centre"],
    ["Shift click", null, "mark, snapped to the spot"],
    ["Drag a mark", null, "move it"],
    ["Right click", null, "take a mark out"],
    ["s", "snap", "snap the mark to the middle of the spot"],
    ["Delete", "remove", "take the chosen mark out"],
    ["Backspace", "remove", null],
    ["Tab", "select-next", "choose the next mark"],
    ["Shift+Tab", "select-previous", null],
    ["Shift+ArrowLeft", "nudge-left", "nudge the chosen mark by a pixel (any arrow)"],
    ["Shift+ArrowRight", "nudge-right", null],
    ["Shift+ArrowUp", "nudge-up", null],
    ["Shift+ArrowDown", "nudge-down", null],
    ["Escape", "escape", "let go of the mark"],
    ["Ctrl+z", "undo", "undo, without end"],
    ["Ctrl+Shift+z", "redo", "redo"],
    ["Ctrl+y", "redo", null],
  ]],
  ["Go on", [
    ["Enter", "go-on", "done here: on to the next photo to mark"],
    ["n", "go-on", null],
    ["c", "clean", "no dents here, and go on"],
    ["x", "skip", "leave it open, and go on"],
    ["ArrowRight", "next", "next photo in the strip"],
    ["d", "next", null],
    ["ArrowLeft", "previous", "photo before"],
    ["a", "previous", null],
    ["Home", "first", "first photo"],
    ["End", "last", "last photo"],
    ["/", "jump", "jump to a photo by name or number"],
    ["j", "jump", null],
    ["v", "filter", "next filter of the strip"],
  ]],
  ["Model", [
    ["g", "accept", "accept the proposal nearest to the pointer"],
    ["Shift+g", "accept-all", "accept all proposals"],
    ["h", "ghosts", "show or hide proposals"],
  ]],
  ["Look", [
    ["Wheel", null, "zoom at the pointer"],
    ["Space", "pan", "hold to drag the photo"],
    ["+", "zoom-in", "zoom in"],
    ["=", "zoom-in", null],
    ["-", "zoom-out", "zoom out"],
    ["0", "fit", "whole photo"],
    ["f", "fit", null],
    ["1", "actual", "one photo pixel a screen pixel"],
    ["2", "double", "twice that"],
    ["b", "brighter", "brighter"],
    ["]", "brighter", null],
    ["Shift+b", "darker", "darker"],
    ["[", "darker", null],
    ["k", "steeper", "more contrast"],
    ["Shift+}", "steeper", null],
    ["Shift+k", "flatter", "less contrast"],
    ["Shift+{", "flatter", null],
    ["r", "plain", "brightness and contrast as taken"],
    ["\\", "plain", null],
    ["l", "side", "loupe and history"],
    ["o", "outlines", "outlines of the 64 x 64 cut"],
    ["t", "strip", "strip of photos"],
  ]],
  ["Page", [
    ["?", "help", "this sheet"],
  ]],
];

const ACTIONS = new Map(KEYS.flatMap(([, rows]) => rows).map(([chord, name]) => [chord, name]));

/** The action of a key event, or undefined. */
export function action({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  if (altKey) return undefined;
  const name = key === " " ? "Space" : key.length === 1 ? key.toLowerCase() : key;
  const chord = `${ctrlKey || metaKey ? "Ctrl+" : ""}${shiftKey ? "Shift+" : ""}${name}`;
  // Which key makes a sign with Shift differs from keyboard to keyboard; letters and commands are exact.
  const isSign = shiftKey && !ctrlKey && !metaKey && !/^[a-z]$/.test(name);
  return ACTIONS.get(chord) ?? (isSign ? ACTIONS.get(name) : undefined) ?? undefined;
}

/** The sheet: `[heading, [[keys, words]]]`, the keys of one action together. */
export function sheet() {
  return KEYS.map(([heading, rows]) => [
    heading,
    rows
      .filter(([, , text]) => text)
      .map(([chord, name, text]) => [
        rows.filter((row) => row[0] === chord || (name && row[1] === name)).map((row) => row[0]),
        text,
      ]),
  ]);
}
