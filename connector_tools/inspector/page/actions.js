// What the page does: each function changes the state, and asks the server where it must.
import * as api from "./api.js";
import {isHolder} from "./exact.js";
import {mappingChanged} from "./file.js";
import {attempt, copyText, hush, tell} from "./notices.js";
import {asJson, asText, forgetStale, isStale, realEvent, replan, schedulePlan} from "./planning.js";
import {dirtyEvent, dirtyMapping, set, state, summaryOf} from "./store.js";
import {nameOf} from "./words.js";

// Reads everything. `fresh` says that the server is another one, whose events begin at 1 again.
export async function load({fresh = false} = {}) {
  try {
    if (fresh) { forgetStale(); set({selected: null, detail: null, follow: true, events: [], eventText: null, editingEvent: false, plan: null, before: null, search: "", found: null, outcomes: new Set(), reason: null}); }
    const [found, list] = await Promise.all([api.getState(), api.getEvents()]);
    const {counterpart, life, pins, mapping, example, ...info} = found;
    const first = state.phase !== "ready";
    const listed = new Set(list.events.map((event) => event.n));
    const meanwhile = state.events.filter((event) => !listed.has(event.n));      // arrived while the list was read
    const conflict = dirtyMapping() && mapping.digest !== state.mapping.digest;
    set({
      phase: "ready", failure: "", info, counterpart, life: life ?? [], pins: pins ?? [], mapping, conflict,
      example, events: newestFirst([...list.events, ...meanwhile]), groups: list.groups ?? [], subjects: new Map(),
    });
    document.title = `${info.name} · Inspector`;
    const gone = state.selected === 0 ? !dirtyEvent() && state.events.length : !summaryOf(state.selected);
    if (first || gone) await select(state.events[0]?.n ?? 0, {byArrival: true});
  } catch (error) {
    set({phase: state.phase === "ready" ? "ready" : "failed", failure: error.message});
    if (state.phase === "ready") tell(error.message, true);
  }
}

const newestFirst = (events) => [...events].sort((one, other) => other.n - one.n);

let searchTimer = 0;

// Searches what the list shows at once, and a moment later also the events themselves, at the server.
export function search(text) {
  clearTimeout(searchTimer);
  set({search: text, limit: 200});
  if (text.trim().length < 3) return;
  searchTimer = setTimeout(async () => {
    try {
      const {events} = await api.findEvents(text.trim());
      set({found: {text, ns: new Set(events.map((event) => event.n)), names: new Map(events.map((event) => [event.n, event.masked]))}});
    } catch { /* the list itself is searched */ }
  }, 250);
}

// ---- events ------------------------------------------------------------------------------------

export function arrive(event) {
  const events = newestFirst([event, ...state.events.filter((known) => known.n !== event.n)]);
  set({events, arrived: `Event ${event.n}: ${event.event_type}, ${nameOf(event.outcome)}`});
  readGroups();
  if (state.follow && !dirtyEvent() && !state.editingEvent) select(event.n, {byArrival: true});
}

let groupTimer = 0;
function readGroups() {
  clearTimeout(groupTimer);
  groupTimer = setTimeout(async () => {
    try { set({groups: (await api.getEvents()).groups ?? []}); } catch { /* the stream says it */ }
  }, 150);
}

export async function select(n, {byArrival = false, keepEdits = false} = {}) {
  if (!byArrival && n !== state.events[0]?.n) set({follow: false});
  if (!byArrival && n === state.events[0]?.n && !state.follow && state.selected !== n) set({follow: true});
  const same = state.selected === n;
  set({
    selected: n, detailFailure: "", point: null, held: false, reveal: same && state.reveal, real: null, planFailure: "",
    ...(same ? {} : {detail: null, openCalls: new Set()}),
    ...(keepEdits ? {} : {eventText: null, editingEvent: false, plan: same ? state.plan : null, before: null}),
  });
  if (n === 0) return showExample();
  try {
    const detail = await api.getEvent(n, state.reveal);
    if (state.selected !== n) return undefined;
    set({detail, before: detail.explained ?? null, ...(same ? {} : {openCalls: firstOpen(detail.calls)})});
    if (!keepEdits) set({plan: detail.explained ?? null});
    goToRule(detail.explained);
    if (dirtyMapping() || isStale(n)) schedulePlan(0);
  } catch (error) {
    if (state.selected === n) set({detailFailure: error.message});
  }
  return undefined;
}

const firstOpen = (calls = []) => new Set(calls.length === 1 ? [calls[0].index] : calls.filter((call) => call.attempts?.some((one) => !good(one))).map((call) => call.index));
const good = (attempt) => !attempt.judged || attempt.judged.outcome === "applied";

function goToRule(plan) {
  const rule = plan?.rules?.find((one) => one.chosen);
  if (rule) set({goTo: {line: rule.line, at: "start"}});
}

async function showExample() {
  const event = asJson(state.example);
  set({detail: null, real: event});
  if (event) await replan();
  goToRule(state.plan);
}

export async function revealSelected(on = !state.reveal) {
  const n = state.selected;
  if (!n) return;
  set({reveal: on});
  await attempt(async () => {
    const detail = await api.getEvent(n, on);
    if (state.selected !== n) return;
    const unedited = !dirtyEvent() && !dirtyMapping();
    set({detail, before: detail.explained ?? null, ...(unedited && !isStale(n) ? {plan: detail.explained} : {})});
    if (on) remember(n, detail);
    else { state.subjects.delete(n); set({}); }
    if (!unedited || isStale(n)) schedulePlan(0);
  });
}

// Shows or hides the subject of one row of the list.
export async function revealRow(n) {
  if (n === state.selected) return revealSelected(!state.subjects.has(n));
  if (state.subjects.delete(n)) return set({});
  return attempt(async () => remember(n, await api.getEvent(n, true)));
}

function remember(n, detail) {
  const names = (detail.ledger?.subjects ?? []).map((one) => one.subject).join(" ");
  state.subjects.set(n, detail.subject || names || detail.masked);
  set({});
}

// ---- what reaches the system -------------------------------------------------------------------

// With `asNew` the event has another id and the time of now: it is no duplicate, and newer than all before.
export async function send({asNew = false} = {}) {
  if (state.sending || state.info.readonly || state.selected === null) return;
  hush();
  set({sending: true});
  await attempt(async () => {
    const text = state.eventText ?? asText(await realEvent());
    const event = await api.postSend(asNew ? renewed(text) : text);
    arrivedByUs(event);
  });
  set({sending: false});
}

function renewed(text) {
  const event = asJson(text);
  if (!isHolder(event)) return text;
  const now = new Date().toISOString();
  return JSON.stringify({...event, event_id: crypto.randomUUID(), created_at: now, updated_at: now});
}

function arrivedByUs(event) {
  if (!summaryOf(event.n)) arrive(event);
  set({eventText: null, editingEvent: false, follow: true, view: state.view === "life" ? "life" : state.view === "events" ? "events" : "calls"});
  select(event.n, {byArrival: true});
  requestAnimationFrame(keepFocus);
}

// The event that had the focus is no longer shown: its successor gets it.
function keepFocus() {
  if (document.activeElement === document.body) document.getElementById("event-title")?.focus();
}

export async function live(id) {
  if (state.busyLife === id) return;      // another button waits for its turn at the server
  hush();
  set({busyLife: id});
  await attempt(async () => {
    const event = await api.postLife(id);
    if (event?.n) arrivedByUs(event);
    else if (event?.note) tell(event.note);
    await readLife();
  });
  set({busyLife: ""});
}

async function readLife() {
  const {life, counterpart} = await api.getState();
  set({life: life ?? []});
  showCounterpart(counterpart);
}

export function showCounterpart(counterpart) {
  set({counterpart});
}

export async function pin(call, kind, more = {}) {
  const done = await attempt(() => api.postPin({line: call?.line ?? null, kind, times: null, ...more}));
  if (!done) return;
  if (!state.pins.some((one) => one.id === done.id)) set({pins: [...state.pins, done]});
  tell("Pinned. “Send as new” shows what follows.");
}

export async function unpin(id) {
  await attempt(async () => {
    await api.deletePin(id);
    set({pins: state.pins.filter((one) => one.id !== id)});
  });
}

export async function makeTest(name) {
  const made = await api.postTest(state.selected, name);
  if (made.mapping) { mappingChanged({...made.mapping, changes: []}); }
  set({dialog: {kind: "test-made", line: made.line, text: made.text, name}});
}

export async function openHistory(file) {
  await attempt(async () => {
    await api.postHistory(file);
    await load({fresh: true});
  });
}

export async function closeHistory() {
  await attempt(async () => {
    await api.deleteHistory();
    await load({fresh: true});
  });
}

// Copies a call as curl; one that curl cannot speak as it is shown.
export async function copyCall({index, request}) {
  if (state.info.curl === false) return copyText([request.line, request.body].filter(Boolean).join("\n"), "Copied the request: curl does not speak this protocol.");
  return attempt(async () => {
    await navigator.clipboard.writeText(await api.getCurl(state.selected, index));
    tell("Copied as a curl command. Secrets are $NAMES that your shell fills in.");
  });
}

