// What the page says about an action, for some seconds.
import {set} from "./store.js";

let noticeTimer = 0;

export function tell(text, bad = false) {
  clearTimeout(noticeTimer);
  set({notice: {text, bad}});
  noticeTimer = setTimeout(() => set({notice: null}), bad ? 12000 : 5000);
}

// Runs an action; what the server refuses is shown as its own sentence.
export async function attempt(action) {
  try { return await action(); } catch (error) { tell(error.message, true); return undefined; }
}

export async function copyText(text, said) {
  await attempt(async () => { await navigator.clipboard.writeText(text); tell(said); });
}
