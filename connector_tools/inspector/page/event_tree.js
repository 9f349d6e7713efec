// The selected event: a tree whose values can be changed in place, or the same event as text.
import {html, useEffect, useMemo, useRef, useState} from "./html.js";
import {send} from "./actions.js";
import {isHolder, kindOf, parse} from "./exact.js";
import {tell} from "./notices.js";
import {asJson, editEvent, editValue, realEvent, showEventAsText} from "./planning.js";
import {pointAtField, readersOf} from "./pointing.js";
import {dirtyEvent, state} from "./store.js";
import {counted, relation} from "./words.js";

export function EventPane() {
  return html`
    <section class="panel pane event-pane" data-view="event" aria-label="Event">
      <div class="panel-head">
        <h3>${isRecord() ? "Log record" : "Event"}</h3>
        ${dirtyEvent() ? html`<span class="tag edited">edited</span>` : null}
        <span class="spring"></span>
        ${state.info.readonly || !hasEvent() ? null : html`
          <button class="quiet" aria-pressed=${String(state.editingEvent)} onClick=${() => showEventAsText()} title="Edit the event as text (e)" aria-keyshortcuts="e">
            ${state.editingEvent ? "Show as tree" : "Edit as text"}</button>`}
      </div>
      <${Body} />
    </section>`;
}

// An exported log holds no events: its record of the event is shown instead.
const isRecord = () => state.info.source === "history";
const eventOf = () => (isRecord() ? state.detail?.result : state.detail?.event ?? state.real);
const hasEvent = () => Boolean(eventOf());

function Body() {
  if (state.detailFailure) return html`<p class="failure" role="alert">${state.detailFailure}</p>`;
  if (!hasEvent()) return state.selected && !state.detail ? html`<${Skeleton} rows=${9} />` : html`<p class="empty">This request had no event that can be read.</p>`;
  if (state.editingEvent) return html`<${AsText} />`;
  if (dirtyEvent() && asJson(state.eventText) === null) {
    return html`<div class="failure"><p>The text is not JSON.</p><button onClick=${() => showEventAsText(true)}>Go back to the text</button></div>`;
  }
  if (!isHolder(eventOf())) return html`<pre class="code raw">${String(eventOf())}</pre>`;
  return html`<${Tree} key=${state.selected} />`;
}

export const Skeleton = ({rows}) => html`
  <div class="skeleton" role="status"><span class="sr">Loading…</span>${Array.from({length: rows}, (_, row) => html`<i key=${row}></i>`)}</div>`;

function AsText() {
  const text = useRef(null);
  useEffect(() => text.current?.focus(), []);
  return html`
    <div class="as-text">
      ${state.selected && !state.reveal ? html`<p class="hint">The text has the real values, so that it can be sent.</p>` : null}
      <textarea ref=${text} class="code" spellcheck=${false} aria-label="Event as JSON text" aria-invalid=${String(Boolean(state.planFailure))}
        value=${state.eventText ?? JSON.stringify(state.real, null, 2)} onInput=${(change) => editEvent(change.target.value)}
        onKeyDown=${textKey}></textarea>
    </div>`;
}

function textKey(key) {
  if (key.key === "Escape") { showEventAsText(false); focusTree(); }
  if (key.key === "Enter" && (key.ctrlKey || key.metaKey)) { key.preventDefault(); send(); }
}

export const focusTree = () => requestAnimationFrame(() => document.querySelector('.tree [tabindex="0"]')?.focus());

// What is shown: masked values stay masked, edited ones are shown as they were typed.
function shown(edited, real, masked) {
  if (same(edited, real)) return masked;
  if (!isHolder(edited) || !isHolder(masked)) return edited;
  const entries = Object.keys(edited).map((key) => [key, shown(edited[key], real?.[key], masked[key] ?? edited[key])]);
  return Array.isArray(edited) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function Tree() {
  const masked = eventOf();
  const edited = asJson(state.eventText);
  const value = edited === null ? masked : shown(edited, state.real, masked);
  const [closed, setClosed] = useState(() => longLists(masked));
  const [at, setAt] = useState("");
  const [editing, setEditing] = useState("");
  const rows = useMemo(() => rowsOf(value, closed), [value, closed]);
  const tree = useRef(null);
  const focused = rows.some((row) => row.path === at) ? at : rows[0]?.path;
  const move = (path) => {
    setAt(path);
    requestAnimationFrame(() => tree.current?.querySelector(`[data-path="${CSS.escape(path)}"]`)?.focus());
  };
  const fold = (path, shut) => setClosed((known) => { const next = new Set(known); if (shut) next.add(path); else next.delete(path); return next; });
  const begin = (row) => { if (!state.info.readonly && !row.holder) setEditing(row.path); };
  return html`
    <div class="tree" role="tree" aria-label="Fields of the event" ref=${tree} onMouseLeave=${() => pointAtField(null)}
      onKeyDown=${(key) => treeKey(key, {rows, focused, move, fold, begin, closed})}>
      ${rows.map((row) => html`<${TreeRow} key=${row.path} row=${row} focusable=${row.path === focused} editing=${editing === row.path}
        changed=${edited !== null && !(row.holder && row.open) && !same(at_(edited, row.keys), at_(state.real, row.keys))}
        onFold=${() => fold(row.path, !closed.has(row.path))} onFocus=${() => setAt(row.path)} onEdit=${() => begin(row)}
        onDone=${() => { setEditing(""); move(row.path); }} />`)}
    </div>`;
}

const at_ = (value, keys) => keys.reduce((holder, key) => holder?.[key], value);

function longLists(value, path = "", found = new Set()) {
  if (!isHolder(value)) return found;
  if (Array.isArray(value) && value.length > 8) found.add(path);
  for (const [key, inner] of Object.entries(value)) longLists(inner, joined(path, key, Array.isArray(value)), found);
  return found;
}

const joined = (path, key, ofList) => (ofList ? `${path}[${key}]` : path ? `${path}.${key}` : key);

function rowsOf(value, closed, path = "", keys = [], rows = []) {
  const ofList = Array.isArray(value);
  const entries = Object.entries(value);
  entries.forEach(([name, inner], index) => {
    const here = joined(path, name, ofList);
    const holder = isHolder(inner);
    const open = holder && !closed.has(here);
    const into = [...keys, ofList ? Number(name) : name];
    rows.push({path: here, keys: into, name, value: inner, holder, open, level: into.length, place: index + 1, size: entries.length});
    if (open) rowsOf(inner, closed, here, into, rows);
  });
  return rows;
}

function treeKey(key, {rows, focused, move, fold, begin, closed}) {
  if (key.target.tagName === "INPUT") return;
  const index = rows.findIndex((row) => row.path === focused);
  const row = rows[index];
  const go = (to) => rows[to] && move(rows[to].path);
  const parent = () => rows.slice(0, index).findLastIndex((one) => one.level < row.level);
  if (key.key === "ArrowDown") go(index + 1);
  else if (key.key === "ArrowUp") go(index - 1);
  else if (key.key === "Home") go(0);
  else if (key.key === "End") go(rows.length - 1);
  else if (key.key === "ArrowRight" && row.holder) { if (closed.has(row.path)) fold(row.path, false); else if (rows[index + 1]?.level > row.level) go(index + 1); }
  else if (key.key === "ArrowLeft") { if (row.holder && row.open) fold(row.path, true); else go(parent()); }
  else if (key.key === "Enter" || key.key === "F2") { if (row.holder) fold(row.path, row.open); else begin(row); }
  else return;
  key.preventDefault();
  key.stopPropagation();
}

function TreeRow({row, focusable, editing, changed, onFold, onFocus, onEdit, onDone}) {
  const readers = row.holder ? [] : readersOf(row.path, false);
  const pointed = state.point?.values?.some((value) => value.reads?.some((read) => ["it", !row.open && "part"].includes(read.path && relation(read.path, row.path))));
  const classes = ["field", pointed && "source", readers.length && "is-read", changed && "changed", state.point?.path === row.path && "pointed"];
  return html`
    <div role="treeitem" aria-level=${row.level} aria-posinset=${row.place} aria-setsize=${row.size}
      aria-expanded=${row.holder ? String(row.open) : undefined} aria-selected=${String(state.point?.path === row.path)}
      class=${classes.filter(Boolean).join(" ")} style=${{"--level": row.level}} tabIndex=${focusable ? 0 : -1} data-path=${row.path}
      onMouseEnter=${() => pointAtField(row.path)} onFocus=${(at) => { if (at.target === at.currentTarget) { onFocus(); pointAtField(row.path, state.held && state.point?.path !== row.path ? false : null); } }}
      onClick=${() => (row.holder ? onFold() : holdField(row.path))} onDblClick=${onEdit}>
      ${row.holder ? html`<span class="twist" aria-hidden="true"></span>` : null}
      <span class="name">${row.name}:</span>
      ${editing ? html`<${ValueInput} row=${row} onDone=${onDone} />` : html`<${ValueText} row=${row} onEdit=${onEdit} />`}
      ${readers.length ? html`<span class="readers" title=${`read by ${counted(readers.length, "expression")}`}>${readers.length}<span class="sr"> ${readers.length === 1 ? "reader" : "readers"}</span></span>` : null}
    </div>`;
}

const holdField = (path) => pointAtField(path, !(state.held && state.point?.path === path));

function ValueText({row, onEdit}) {
  if (row.holder) {
    const size = Object.keys(row.value).length;
    return html`<span class="brief">${row.open ? "" : Array.isArray(row.value) ? `[${size}]` : `{${size}}`}</span>`;
  }
  return html`<span class=${`value ${kindOf(row.value)}`} onClick=${(click) => { if (click.detail === 1 && click.altKey) onEdit(); }}>${JSON.stringify(row.value)}</span>`;
}

// The value as JSON; text may be typed without its quotes where the value was text.
function ValueInput({row, onDone}) {
  const input = useRef(null);
  const [start, setStart] = useState(null);
  useEffect(() => { realEvent().then((real) => setStart(JSON.stringify(at_(asJson(state.eventText) ?? real, row.keys)))).catch((error) => { tell(error.message, true); onDone(); }); }, []);
  useEffect(() => { input.current?.focus(); input.current?.select(); }, [start]);
  if (start === null) return html`<span class="value">…</span>`;
  const finish = (text) => {
    let value;
    try { value = parse(text); } catch { value = text.replace(/^"|"$/g, ""); }
    if (typeof asJson(start) === "string" && kindOf(value) === "number") value = text;
    if (JSON.stringify(value) !== start) editValue(row.keys, value);
    onDone();
  };
  return html`<input ref=${input} class="code" aria-label=${`New value of ${row.name}, as JSON`} defaultValue=${start} spellcheck=${false}
    onClick=${(click) => click.stopPropagation()} onDblClick=${(click) => click.stopPropagation()}
    onKeyDown=${(key) => {
      key.stopPropagation();
      if (key.key === "Enter") { key.preventDefault(); finish(key.target.value); }
      if (key.key === "Escape") { key.preventDefault(); onDone(); }
    }} onBlur=${(left) => { if (left.relatedTarget) finish(left.target.value); }} />`;
}

