/** The bars, the conflict card and the dialogs: words from view.js put on the page. */

import { sheet } from "./keys.js";
import { FILTERS } from "./state.js";
import { agreementWords, doubtWords, ghostWords, openGhosts, refusal, statusWords, versions } from "./view.js";

const $ = (id) => document.getElementById(id);

const put = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

const make = (name, text, attributes = {}) => {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

const TITLES = { all: "All", new: "New", marked: "Marked", clean: "Clean", skipped: "Skipped", disagreed: "Disagreed" };

export function fillFilters(choose) {
  for (const name of Object.keys(FILTERS)) {
    const button = make("button", "", { role: "tab", "data-filter": name, "data-status": name, tabindex: "-1" });
    button.append(make("span", TITLES[name]), make("small", "0"));
    button.addEventListener("click", () => choose(name));
    $("filters").append(button);
  }
}

export function fillSheet() {
  for (const [heading, rows] of sheet()) {
    const section = make("section", "");
    section.append(make("h3", heading));
    for (const [chords, text] of rows) {
      const line = make("div", "");
      const keys = make("span", "");
      for (const chord of chords) keys.append(make("kbd", shownChord(chord)));
      line.append(make("span", text), keys);
      section.append(line);
    }
    $("sheet").append(section);
  }
}

const ARROWS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

/** A chord as it is written on a keyboard. */
const shownChord = (chord) =>
  chord
    .replace(/Shift\+([{}?])/, "$1")
    .replace(/Arrow\w+/, (name) => ARROWS[name])
    .replace(/(^|\+)([a-z])$/, (_, before, letter) => before + letter.toUpperCase());

/** Put the words of view.js where they belong. */
export function showWords(said, state, look) {
  put($("title"), said.title);
  put($("place"), said.place);
  put($("status"), said.status);
  $("status").dataset.status = said.statusName;
  put($("why"), said.why);
  put($("company"), said.company);
  put($("save"), said.save.text);
  $("save").dataset.state = said.save.state;
  $("save").title = said.save.text;
  put($("person"), state.annotator);
  put($("progress"), said.progress);
  $("share").style.width = `${said.share * 100}%`;
  for (const button of $("filters").children) {
    button.setAttribute("aria-selected", String(button.dataset.filter === state.filter));
    put(button.lastChild, String(said.counts[button.dataset.filter]));
    const name = button.dataset.filter;
    button.hidden = !["all", "new", state.filter].includes(name) && !said.counts[name];
  }
  $("reading").hidden = !said.reader;
  if (state.order.length) {
    $("empty").hidden = !said.broken;
    put($("empty"), `This photo cannot be shown. ${said.broken} It stays open: go on with Next.`);
  }
  $("notice").hidden = !said.notice;
  put($("notice"), said.notice ?? "");
  $("strip").dataset.shown = String(look.strip);
  $("side").hidden = !look.side;
  for (const name of ["brightness", "contrast"]) $(name).value = Math.log2(look[name]);
  const ghosts = look.ghosts ? openGhosts(state).length : 0;
  $("accept").hidden = !ghosts;
  const words = ghostWords(state, ghosts);
  put($("accept").lastElementChild, words.count);
  $("accept").title = words.title;
  for (const [action, able] of [
    ["undo", state.past.length],
    ["redo", state.future.length],
    ["remove", state.selected >= 0],
  ])
    document.querySelector(`[data-action="${action}"]`).disabled = !able;
}

/**
 * The card that asks what shall stand: both versions of a photo, or why its saves are refused.
 *
 * @param {(choice: "mine"|"theirs"|"both"|"again"|"saved") => void} choose
 */
export function showCard(state, choose) {
  const both = versions(state);
  const refused = refusal(state);
  const card = $("conflict");
  const key = both || refused ? JSON.stringify([state.open, both, refused]) : "";
  if (card.dataset.key === key) return;
  card.dataset.key = key;
  card.hidden = !key;
  if (!key) return;
  const choice = (name, title, words, color = "var(--text)") => {
    const button = make("button", "", { "data-choice": name });
    const heading = make("b", title);
    heading.style.setProperty("--version", color);
    button.append(heading, make("small", words));
    button.addEventListener("click", () => choose(name));
    return button;
  };
  const asked = {
    conflict: () => `${both.theirs.title} changed this photo while you did. Which version stands?`,
    readings: () =>
      `${both.theirs.title} read this photo without seeing ${both.mine.title}'s marks and saw it differently. ` +
      "Which stands?",
  };
  put($("conflict-words"), both ? asked[both.why]() : refused);
  card.dataset.why = both?.why ?? "refused";
  const choices = both
    ? [
        choice("mine", `1  ${both.mine.title}`, statusWords(both.mine), "var(--mine)"),
        choice("theirs", `2  ${both.theirs.title}`, statusWords(both.theirs), "var(--theirs)"),
        choice("both", "3  Both", both.why === "conflict" ? "what each changed" : "all their marks"),
      ]
    : [
        choice("again", "1  Try again", "send your version once more"),
        choice("saved", "2  Drop mine", "show what is saved"),
      ];
  $("conflict-choices").replaceChildren(...choices);
}

export function showEmpty(name, reader) {
  $("empty").hidden = false;
  const nothing = `No photos yet: put JPEG or PNG files into the folder photos of ${name} and reload.`;
  put($("empty"), reader ? "There is nothing to read: nobody else has finished a photo yet." : nothing);
}

const N_DOUBTS = 8;

/** Labels to look at again, and whether more labels still pay. */
export function showDoubts(doubts, advice, look) {
  $("doubts").hidden = !doubts.length && !advice;
  put($("advice"), advice);
  $("doubted").replaceChildren(
    ...doubts.slice(0, N_DOUBTS).map((doubt) => {
      const item = make("li", "");
      const button = make("button", "", { "data-status": "disagreed", title: doubt.photo_id });
      button.append(make("span", doubtWords(doubt)), make("small", doubt.surprise.toFixed(2)));
      button.addEventListener("click", () => look(doubt));
      item.append(button);
      return item;
    }),
  );
}

/** How well two people agree, and the ways to a second look. */
export function showAgreement({ to_read, to_settle, figures }, reader, settle) {
  $("agreement").hidden = Boolean(reader) || (!to_read && !to_settle && !figures);
  $("figures").replaceChildren(...agreementWords(figures).map((words) => make("li", words)));
  $("second-look").hidden = !to_read;
  put($("second-look"), `Second look at ${to_read} ${to_read === 1 ? "photo" : "photos"}`);
  $("settle").hidden = !to_settle;
  put($("settle"), `Settle ${to_settle} ${to_settle === 1 ? "disagreement" : "disagreements"}`);
  $("settle").onclick = settle;
}

/** The versions a photo had, the latest first, each to be brought back. */
export function showHistory(history, bringBack) {
  $("history").hidden = !history.length;
  $("past").replaceChildren(
    ...history.map((past) => {
      const item = make("li", "");
      const when = new Date(past.updated_at);
      const title = `${when.toLocaleString()}: bring this version back`;
      const button = make("button", "", { "data-status": past.status, title });
      const today = when.toDateString() === new Date().toDateString();
      const time = when.toLocaleString([], today ? { timeStyle: "short" } : { dateStyle: "short" });
      button.append(make("span", `${statusWords(past)}, ${past.annotator}`), make("time", time));
      button.addEventListener("click", () => bringBack(past));
      item.append(button);
      return item;
    }),
  );
}

/** Ask for the name. @returns {Promise<string>} */
export function askName(now) {
  const dialog = $("name-dialog");
  $("name").value = now;
  dialog.showModal();
  $("name").select();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve($("name").value.trim() || now), { once: true }),
  );
}

/** The jump list. */
export class Jump {
  constructor(choose) {
    this.choose = choose;
    $("jump").addEventListener("input", () => this.find());
    $("jump-dialog").addEventListener("submit", () => this.found[0] && choose(this.found[0]));
  }

  open(state) {
    this.state = state;
    $("jump").value = "";
    this.find();
    $("jump-dialog").showModal();
  }

  find() {
    const words = $("jump").value.trim().toLowerCase();
    const { order, photos } = this.state;
    const numbered = order[Number(words) - 1];
    const named = order.filter((id) => id.toLowerCase().includes(words));
    this.found = [...new Set([...(words && numbered ? [numbered] : []), ...named])].slice(0, 8);
    $("found").replaceChildren(
      ...this.found.map((id) => {
        const item = make("li", "");
        const button = make("button", "", { type: "button", "data-status": photos.get(id).status });
        button.append(make("span", id), make("small", String(order.indexOf(id) + 1)));
        button.addEventListener("click", () => {
          $("jump-dialog").close();
          this.choose(id);
        });
        item.append(button);
        return item;
      }),
    );
  }
}
