// What the page says about an action, for some seconds.
import {set} from "./store.js";
import {capital} from "./words.js";

let noticeTimer = 0;

export function tell(text, bad = false) {
  clearTimeout(noticeTimer);
  set({notice: {text: capital(text), bad}});
  noticeTimer = setTimeout(() => set({notice: null}), bad ? 12000 : 5000);
}

// What was said is over: the next action began, or what it said is no longer so.
export function hush() {
  clearTimeout(noticeTimer);
  set({notice: null});
}

// Runs an action; what the server refuses is shown as its own sentence.
export async function attempt(action) {
  try { return await action(); } catch (error) { tell(error.message, true); return undefined; }
}

export async function copyText(text, said) {
  await attempt(async () => { await navigator.clipboard.writeText(text); tell(said); });
}
