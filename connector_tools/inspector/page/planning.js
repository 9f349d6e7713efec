// Edits of the event and of the file, and the plan that follows from them. Nothing here sends an event.
import * as api from "./api.js";
import {parse} from "./exact.js";
import {attempt} from "./notices.js";
import {dirtyMapping, set, state} from "./store.js";

// A body that was no JSON is text already.
export const asText = (event) => (typeof event === "string" ? event : JSON.stringify(event));
export const asJson = (text) => { try { return parse(text ?? "null"); } catch { return null; } };

// The event with its real values, which is planned and sent; shown only if it is revealed.
export async function realEvent() {
  if (state.real) return state.real;
  const n = state.selected;
  const {event} = await api.getEvent(n, true);
  if (state.selected === n) set({real: event});
  return event;
}

let planTimer = 0;
let planning = null;
let staleUntil = 0;      // events up to this number were planned with an earlier text of the file

export const isStale = (n) => n <= staleUntil;
export function markStale() { staleUntil = state.events[0]?.n ?? 0; }
export function forgetStale() { staleUntil = 0; }

export function schedulePlan(after = 200) {
  clearTimeout(planTimer);
  set({planning: true});
  planTimer = setTimeout(replan, after);
}

export async function replan() {
  planning?.abort();
  planning = new AbortController();
  const mine = planning;
  set({planning: true});
  try {
    const text = state.eventText ?? asText(await realEvent());
    const plan = await api.postPlan(text, state.mappingText, state.reveal, mine.signal);
    const before = await comparable(state.before ?? plan, mine.signal);
    if (mine === planning) set({plan, planFailure: "", planProblems: null, planning: false, before});
  } catch (error) {
    if (error.name === "AbortError" || mine !== planning) return;
    set({planFailure: error.message, planProblems: error.body?.problems ?? null, planning: false});
  }
}

// The plan without edits, as the edited one is: of what the event found, an edited one knows nothing.
async function comparable(before, signal) {
  if (!before.resources?.some((one) => one.found)) return before;
  return api.postPlan(asText(await realEvent()), null, state.reveal, signal);
}

export function editEvent(text) {
  set({eventText: text});
  schedulePlan();
}

// Replaces one value of the event; `keys` leads to it.
export async function editValue(keys, value) {
  await attempt(async () => {
    const event = parse(state.eventText ?? JSON.stringify(await realEvent()));
    let holder = event;
    for (const key of keys.slice(0, -1)) holder = holder[key];
    holder[keys.at(-1)] = value;
    editEvent(JSON.stringify(event, null, 2));
  });
}

export async function showEventAsText(on = !state.editingEvent) {
  if (on && !state.real) await attempt(realEvent);
  set({editingEvent: on, view: "event"});
}

export function dropEventEdits() {
  clearTimeout(planTimer);
  set({eventText: null, planFailure: ""});
  if (!dirtyMapping() && state.detail?.explained && !isStale(state.selected)) set({plan: state.detail.explained, planning: false});
  else schedulePlan(0);
}

export function editMapping(text) {
  set({mappingText: text === state.mapping.text ? null : text, point: null, held: false});
  schedulePlan();
}

export function dropMappingEdits() {
  set({mappingText: null, conflict: false, planFailure: "", planProblems: null});
  schedulePlan(0);
}
