// The line above the middle column: which event is shown, and what can be done with it.
import {html} from "./html.js";
import {Icon, Outcome} from "./icons.js";
import {revealSelected, send} from "./actions.js";
import {dropEventEdits} from "./planning.js";
import {dirtyEvent, set, state, summaryOf} from "./store.js";
import {brief, clock, milliseconds} from "./words.js";

export function Heading() {
  const event = summaryOf(state.selected);
  return html`
    <header class="heading">
      <div class="heading-what">
        <h2 id="event-title" tabIndex="-1">
          ${event ? html`<${Outcome} outcome=${event.outcome} /> ` : null}
          <span class="type">${event ? event.event_type || "a refused request" : "Example event"}</span>
        </h2>
        <p class="facts">${event ? html`
          <span>#${event.n}</span> <span>${clock(event.time)}</span> <span>HTTP ${event.status}</span>
          <span>${milliseconds(event.latency_ms)}</span>
          <span class="subject">${state.subjects.get(event.n) ?? brief(event.masked)}</span>` : html`<span>not sent yet</span>`}
        </p>
        ${event && (event.reason || event.message) ? html`<p class="said">${event.reason || event.message}</p>` : null}
      </div>
      <${Actions} event=${event} />
    </header>`;
}

function Actions({event}) {
  const locked = state.info.readonly;
  return html`
    <div class="actions">
      ${event && !locked ? html`
        <button aria-pressed=${String(state.reveal)} onClick=${() => revealSelected()} title="Show personal data (v)" aria-keyshortcuts="v">
          <${Icon} name=${state.reveal ? "hidden" : "eye"} />${state.reveal ? "Mask" : "Reveal"}</button>` : null}
      ${event && !locked ? html`
        <button onClick=${askForTest} title="Write a masked test into the file (t)" aria-keyshortcuts="t" disabled=${event.kind === "refused"}>Make a test</button>` : null}
      ${dirtyEvent() ? html`<button onClick=${dropEventEdits} title="Go back to the event as it came">Undo edits</button>` : null}
      ${event && !locked && event.kind !== "refused" ? html`
        <button onClick=${() => send({asNew: true})} aria-disabled=${String(state.sending)} title="Send the event with a new id and the time of now, so that it is no duplicate">Send as new</button>` : null}
      ${locked ? null : html`
        <button class="main" onClick=${() => send()} aria-disabled=${String(state.sending)} title="Send this event to the connector (s)" aria-keyshortcuts="s">
          <${Icon} name="send" />${state.sending ? "Sending…" : dirtyEvent() ? "Send edited" : event ? "Send again" : "Send"}</button>`}
    </div>`;
}

export function askForTest() {
  const event = summaryOf(state.selected);
  if (event && event.kind !== "refused" && !state.info.readonly) set({dialog: {kind: "test"}});
}
