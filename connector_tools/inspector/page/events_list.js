// The left column: the events as they arrive, search, filters and grouped failures.
import {html, useEffect, useRef} from "./html.js";
import {Icon, Outcome, Shape} from "./icons.js";
import {revealRow, search, select} from "./actions.js";
import {set, shownEvents, state} from "./store.js";
import {brief, clock, counted, milliseconds, nameOf, toneOf} from "./words.js";

export function EventsList() {
  const events = shownEvents();
  return html`
    <section class="panel events" data-view="events" aria-label="Events">
      <div class="panel-head">
        <h2>Events</h2>
        <span class="count">${events.length === state.events.length ? events.length : `${events.length} of ${state.events.length}`}</span>
        <span class="spring"></span>
        ${state.info.readonly ? null : html`
          <button class="quiet" aria-pressed=${String(state.follow)} title="Select each event that arrives (f)"
            onClick=${toggleFollow}>Follow</button>`}
      </div>
      <div class="tools">
        <input type="search" id="search" placeholder="Search type, reason, any value…" aria-label="Search events" aria-keyshortcuts="/"
          value=${state.search} onInput=${(change) => search(change.target.value)} onKeyDown=${leaveSearch} />
        <${Filters} />
      </div>
      <${Groups} />
      <${Rows} events=${events} />
    </section>`;
}

export function toggleFollow() {
  const follow = !state.follow;
  set({follow});
  if (follow && state.events.length && state.selected !== state.events[0].n) select(state.events[0].n);
}

function leaveSearch(key) {
  if (key.key === "Escape" && state.search) { set({search: ""}); key.stopPropagation(); }
  else if (key.key === "ArrowDown" || key.key === "Enter" || key.key === "Escape") { key.preventDefault(); focusRow(); }
}

function Filters() {
  const counts = new Map();
  for (const {outcome} of state.events) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  for (const outcome of state.outcomes) if (!counts.has(outcome)) counts.set(outcome, 0);
  if (!counts.size) return null;
  return html`
    <div class="filters" role="group" aria-label="Show only these outcomes">
      ${[...counts].sort().map(([outcome, count]) => html`
        <button key=${outcome} class=${`chip ${toneOf(outcome)}`} aria-pressed=${String(state.outcomes.has(outcome))} onClick=${() => toggle(outcome)}>
          <${Shape} outcome=${outcome} />${nameOf(outcome)} <span class="count">${count}</span>
        </button>`)}
    </div>`;
}

function toggle(outcome) {
  const outcomes = new Set(state.outcomes);
  if (!outcomes.delete(outcome)) outcomes.add(outcome);
  set({outcomes});
}

function Groups() {
  if (!state.groups.length) return null;
  const failures = state.groups.reduce((sum, group) => sum + group.count, 0);
  return html`
    <details class="groups">
      <summary>Failures by reason <span class="count">${counted(failures, "event")}</span></summary>
      <ul>
        ${state.groups.map((group) => html`
          <li key=${`${group.outcome} ${group.reason}`}>
            <button class="group" aria-pressed=${String(sameGroup(group))} onClick=${() => set({reason: sameGroup(group) ? null : group})}>
              <span class=${toneOf(group.outcome)}><${Shape} outcome=${group.outcome} /><span class="sr">${nameOf(group.outcome)}</span></span>
              <span class="reason">${group.reason || nameOf(group.outcome)}</span>
              <span class="count">${group.count}</span>
            </button>
          </li>`)}
      </ul>
    </details>`;
}

const sameGroup = (group) => state.reason?.reason === group.reason && state.reason?.outcome === group.outcome;

function Rows({events}) {
  const list = useRef(null);
  useEffect(() => { list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({block: "nearest"}); }, [state.selected]);
  if (!state.events.length) return html`<${NoEvents} />`;
  if (!events.length) {
    return html`<div class="empty"><p>No event matches.</p><button onClick=${showAll}>Show all events</button></div>`;
  }
  const focusable = events.some((event) => event.n === state.selected) ? state.selected : events[0].n;
  return html`
    <div class="rows" role="grid" aria-label="Events, the newest first" aria-rowcount=${events.length} ref=${list}>
      ${events.slice(0, state.limit).map((event) => html`<${Row} key=${event.n} event=${event} focusable=${event.n === focusable} />`)}
      ${events.length > state.limit ? html`
        <div role="row"><div role="gridcell"><button class="quiet more" onClick=${() => set({limit: state.limit + 500})}>
          Show more of ${counted(events.length - state.limit, "older event")}</button></div></div>` : null}
    </div>`;
}

export function showAll() { set({search: "", outcomes: new Set(), reason: null}); }

function NoEvents() {
  return html`
    <div class="empty">
      <p><strong>No events yet.</strong></p>
      <p>${state.info.readonly ? "The history has no records of events." : html`
        Events that are posted to <code>${state.info.url ?? `${location.origin}/process-event`}</code> appear here.
        ${state.life.length ? " Or begin the life of a subscriber with a button under “Subscriber”." : ""}`}</p>
      ${state.info.readonly ? null : html`<p>An example is shown as “Event”: change it, and send it.</p>`}
    </div>`;
}

function Row({event, focusable}) {
  const chosen = state.selected === event.n;
  const subject = state.subjects.get(event.n);
  const masked = (state.found?.text === state.search && state.found.names.get(event.n)) || event.masked;
  return html`
    <div class="row" role="row" aria-selected=${String(chosen)} tabIndex=${focusable ? 0 : -1} data-n=${event.n}
      onClick=${() => open(event.n)} onKeyDown=${(key) => rowKey(key, event.n)}>
      <span role="gridcell" class="what"><${Outcome} outcome=${event.outcome} /> <span class="type">${event.event_type || (event.kind === "refused" ? "a refused request" : "no type")}</span></span>
      <span role="gridcell" class="who">
        <span class=${subject === undefined ? "subject" : "subject revealed"}>${subject ?? brief(masked)}</span>
        ${event.masked && !state.info.readonly ? html`<button class="bare" tabIndex="-1" aria-pressed=${String(subject !== undefined)} title=${subject === undefined ? "Show the whole subject (v)" : "Mask the subject (v)"}
          aria-label=${`Show the subject of event ${event.n}`} onClick=${(click) => { click.stopPropagation(); revealRow(event.n); }}>
          <${Icon} name=${subject === undefined ? "eye" : "hidden"} /></button>` : null}
      </span>
      <span role="gridcell" class="when"><time>${clock(event.time)}</time> · ${milliseconds(event.latency_ms)}</span>
      ${event.reason ? html`<span role="gridcell" class="reason">${event.reason}</span>` : null}
    </div>`;
}

function open(n) {
  select(n);
  set({view: state.view === "events" ? "event" : state.view});
}

function rowKey(key, n) {
  const onButton = key.target.tagName === "BUTTON";
  if (key.key === "ArrowRight" && !onButton) key.currentTarget.querySelector("button")?.focus();
  else if (key.key === "ArrowLeft" && onButton) key.currentTarget.focus();
  else if (key.key === "Enter" && !onButton) openAndFocus(n);
  else if (key.key === "Home") step(-Infinity);
  else if (key.key === "End") step(Infinity);
  else return;
  key.preventDefault();
}

function openAndFocus(n) {
  open(n);
  requestAnimationFrame(() => document.getElementById("event-title")?.focus());
}

// Selects the next event (1) or the one before (-1) in the list, and moves the focus to it.
export function step(by) {
  const events = shownEvents().slice(0, state.limit);
  if (!events.length) return;
  const at = events.findIndex((event) => event.n === state.selected);
  const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), events.length - 1);
  select(events[next].n);
  requestAnimationFrame(focusRow);
}

export function focusRow() { document.querySelector('.rows [role="row"][tabindex="0"]')?.focus(); }
