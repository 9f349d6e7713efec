// What the page knows, in one object. `set` changes it and redraws; components read `state`.

export const state = {
  phase: "loading",          // loading, ready, failed
  failure: "",               // why the state could not be read
  connected: true,           // whether the stream of the server is open
  info: {},                  // name, file, readonly, source, url
  counterpart: null,
  changedKeys: new Set(),    // records of the counterpart that changed with the last message
  life: [],
  busyLife: "",              // id of the button that was pressed
  pins: [],
  mapping: {text: "", digest: "", problems: [], expressions: []},
  events: [],
  groups: [],
  search: "",
  found: null,               // {text, ns}: events that hold the searched text anywhere, also where it is masked
  outcomes: new Set(),       // outcomes that the list is limited to; empty: all
  reason: null,              // a group that the list is limited to: {reason, outcome, events}
  limit: 200,                // rows of the list that are drawn
  follow: true,              // whether an arriving event is selected
  subjects: new Map(),       // revealed subjects by the number of their event
  selected: null,            // number of the selected event; 0 is the example
  detail: null,
  detailFailure: "",
  reveal: false,
  real: null,                // the selected event with its real values, once it was needed
  eventText: null,           // the edited event as text; null: unchanged
  editingEvent: false,       // whether the event is shown as text
  mappingText: null,         // the edited mapping; null: unchanged
  conflict: false,           // whether the file on disk changed under edits
  saving: false,
  plan: null,                // the plan that is shown
  before: null,              // the plan without edits, to compare with
  planFailure: "",
  planProblems: null,        // what is wrong with the edited mapping; null: see the plan
  planning: false,
  sending: false,
  point: null,               // what is pointed at: {span, values} or {path, readers}
  held: false,               // whether the point stays although the mouse moves on
  goTo: null,                // {line, at}: the mapping scrolls there
  tab: "why",
  view: "events",            // the one column that a narrow page shows
  openCalls: new Set(),
  dialog: null,
  menu: null,
  notice: null,              // {text, bad}
  arrived: "",               // what a screen reader says of the last arrival
};

let redraw = () => {};
let waiting = false;

export function set(changes) {
  Object.assign(state, changes);
  if (waiting) return;
  waiting = true;
  queueMicrotask(() => { waiting = false; redraw(); });
}

export function onChange(draw) { redraw = draw; }

// The events that search and filters leave, the newest first.
export function shownEvents() {
  const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = state.reason && new Set(state.reason.events);
  return state.events.filter((event) =>
    (!state.outcomes.size || state.outcomes.has(event.outcome)) &&
    (!wanted || wanted.has(event.n)) &&
    (state.found?.text === state.search && state.found.ns.has(event.n) || words.every((word) => textOf(event).includes(word))));
}

const textOf = (event) => [
  event.event_type, event.outcome, event.masked, event.reason, event.message, event.event_id,
  state.subjects.get(event.n), `#${event.n}`,
].filter(Boolean).join(" ").toLowerCase();

export const summaryOf = (n) => state.events.find((event) => event.n === n) ?? null;
export const dirtyEvent = () => state.eventText !== null;
export const dirtyMapping = () => state.mappingText !== null;
