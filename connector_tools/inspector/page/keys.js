// Keys that work everywhere outside a text.
import {revealSelected, send} from "./actions.js";
import {save} from "./file.js";
import {showEventAsText} from "./planning.js";
import {step, toggleFollow} from "./events_list.js";
import {askForTest} from "./heading.js";
import {release} from "./pointing.js";
import {set, state} from "./store.js";

const inText = (target) => target.matches?.("input, textarea, select");
const inside = (target, role) => target.closest?.(role);

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  "/": () => focusIn("events", () => document.getElementById("search")),
  f: toggleFollow,
  v: () => { if (!state.info.readonly) revealSelected(); },
  e: () => { if (!state.info.readonly) showEventAsText(); },
  m: () => focusIn("mapping", () => document.getElementById("mapping-text")),
  s: () => send(),
  t: askForTest,
  p: () => focusIn("calls", () => document.querySelector('.exchange [aria-haspopup="menu"], .planned [aria-haspopup="menu"]'), (button) => button.click()),
  Escape: () => { if (state.held) release(); },
  "?": () => set({dialog: {kind: "help"}}),
};

function focusIn(view, find, then = (found) => found.focus()) {
  set({view});
  requestAnimationFrame(() => { const found = find(); if (found) then(found); });
}

export function pressed(key) {
  if ((key.ctrlKey || key.metaKey) && key.key === "s") { key.preventDefault(); save(); return; }
  if (key.ctrlKey || key.metaKey || key.altKey || state.dialog || state.menu || inText(key.target)) return;
  const arrow = key.key.startsWith("Arrow");
  if (arrow && !inside(key.target, ".rows") && key.target !== document.body) return;
  const act = KEYS[key.key];
  if (!act || state.phase !== "ready") return;
  key.preventDefault();
  act();
}
