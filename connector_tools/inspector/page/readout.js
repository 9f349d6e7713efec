// The strip under event and mapping: what is pointed at, its value, and where it comes from or goes.
import {html} from "./html.js";
import {release} from "./pointing.js";
import {set, state} from "./store.js";
import {counted, shortened, stars} from "./words.js";

export function Readout() {
  return html`<div class="readout" data-view="event mapping" role="status" aria-live="polite">${content()}</div>`;
}

function content() {
  const {point} = state;
  const held = state.held ? html`<button class="quiet release" onClick=${release} title="Let go (Escape)">held, let go</button>` : null;
  if (point?.path) return html`${held}<${Field} point=${point} />`;
  if (point?.span) return html`${held}<${Expression} point=${point} />`;
  return html`<p class="hint">Point at an expression to see its value and its source, or at a field to see who reads it. A click holds it.</p>`;
}

function Field({point}) {
  return html`
    <p><code class="subject-of">${point.path}</code>
      <span class="says">${point.readers.length ? `is read by ${counted(point.readers.length, "expression")}` : "is read by no expression for this event"}</span></p>
    <ul class="links">${point.readers.slice(0, 6).map((one) => html`
      <li key=${`${one.line}:${one.column}`}><button class="link" onClick=${() => set({goTo: {line: one.line, at: "center"}, view: "mapping"})}>
        line ${one.line}</button> <code>${shortened(one.about || one.source, 40)}</code>${one.wholly ? " as a whole" : ""}</li>`)}
      ${point.readers.length > 6 ? html`<li>and ${point.readers.length - 6} more</li>` : null}</ul>`;
}

function Expression({point}) {
  const {span, values} = point;
  const value = values[0];
  const reads = value?.reads ?? [];
  return html`
    <p><span class="where">line ${span.line}</span> <code class="subject-of">${shortened(span.source, 90)}</code>
      <span class="says">${value ? html`${value.computed === false ? "" : "is "}<code class="result">${shortened(stars(value.value), 160)}</code>` : "was not computed for this event"}</span></p>
    <ul class="links">${reads.slice(0, 6).map((read) => html`
      <li key=${read.path}><code>${read.about || read.path}</code> is <code class="result">${shortened(stars(typeof read.value === "string" ? read.value : JSON.stringify(read.value)), 48)}</code></li>`)}
      ${reads.length > 6 ? html`<li>and ${reads.length - 6} more</li>` : null}</ul>`;
}
