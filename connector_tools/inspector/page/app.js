// The page of the inspector. The parts: events_list, heading, event_tree, mapping_pane, readout, why_panel,
// exchange, life, dialogs; `store` holds what is known, `actions` change it, `stream` brings the news.
import {html, render} from "./html.js";
import {closeHistory, load, openHistory} from "./actions.js";
import {Dialogs} from "./dialogs.js";
import {EventPane} from "./event_tree.js";
import {EventsList} from "./events_list.js";
import {Exchange} from "./exchange.js";
import {Heading} from "./heading.js";
import {Icon} from "./icons.js";
import {pressed} from "./keys.js";
import {Life} from "./life.js";
import {MappingPane} from "./mapping_pane.js";
import {PinMenu} from "./pins.js";
import {Readout} from "./readout.js";
import {dirtyMapping, onChange, set, state} from "./store.js";
import {listen} from "./stream.js";
import {nextTheme, theme, useStoredTheme} from "./theme.js";
import {WhyPanel} from "./why_panel.js";
import {counted} from "./words.js";

const VIEWS = {events: "Events", event: "Event", mapping: "Mapping", why: "Why", calls: "Calls", life: "Life"};

function App() {
  if (state.phase === "loading") return html`<p class="whole-page" role="status">Loading the inspector…</p>`;
  if (state.phase === "failed") return html`<${Failed} />`;
  return html`
    <${TopBar} />
    <${Banners} />
    <main class="columns" data-shown=${state.view}>
      <${EventsList} />
      <div class="middle">
        <${Heading} />
        <div class="panes"><${EventPane} /><${MappingPane} /></div>
        <${Readout} />
        <${WhyPanel} />
      </div>
      <div class="right"><${Exchange} /><${Life} /></div>
    </main>
    <${Views} />
    <${PinMenu} /><${Dialogs} />
    <div class=${`notice ${state.notice?.bad ? "bad" : ""}`} role=${state.notice?.bad ? "alert" : "status"} hidden=${!state.notice}>
      <span>${state.notice?.text}</span>${state.notice ? html`<button class="bare" aria-label="Close" onClick=${() => set({notice: null})}><${Icon} name="close" /></button>` : null}</div>
    <p class="sr" aria-live="polite">${state.arrived}</p>`;
}

function Failed() {
  return html`
    <div class="whole-page" role="alert"><h1>The inspector could not be loaded</h1><p>${state.failure}</p>
      <button class="main" onClick=${() => { set({phase: "loading"}); load(); }}>Try again</button></div>`;
}

function TopBar() {
  const {info} = state;
  return html`
    <header class="top">
      <h1><span class="brand">Inspector</span> <span class="mapping-name">${info.name}</span></h1>
      <span class=${`live ${state.connected ? "" : "off"}`}><i aria-hidden="true"></i>${info.source === "history" ? "history, read-only" : state.connected ? "live" : "not connected"}</span>
      <span class="spring"></span>
      ${info.source === "history" ? null : html`<code class="url" title="Events are posted here">POST ${doorUrl()}</code>`}
      ${info.source === "history" ? null : html`
        <label class="button quiet history-file" title="Open exported log records, read-only">Open a history…
          <input type="file" class="sr" accept=".json,.jsonl,.ndjson,.log" onChange=${(change) => { const [file] = change.target.files; if (file) openHistory(file); change.target.value = ""; }} /></label>`}
      <button class="bare" aria-label=${`Theme: ${theme()}. Change it`} title=${`Theme: ${theme()}`} onClick=${nextTheme}><${Icon} name=${{light: "sun", dark: "moon", system: "system"}[theme()]} /></button>
      <button class="bare" aria-label="Keys" title="Keys (?)" aria-keyshortcuts="?" onClick=${() => set({dialog: {kind: "help"}})}><${Icon} name="help" /></button>
    </header>`;
}

// Where events are posted.
const doorUrl = () => state.info.url ?? `${location.origin}/process-event`;

function Banners() {
  if (!state.connected) {
    return html`<div class="banner bad" role="alert">The inspector's server does not answer. Start <code>connector inspect</code> again; this page reconnects by itself.</div>`;
  }
  if (state.info.source === "history") {
    const {left_out: older, damaged, unmasking} = state.info;
    return html`<div class="banner" role="status"><span>An exported history, read-only. ${older ? `${counted(older, "older record")} left out. ` : ""}${damaged ? `${counted(damaged, "line")} could not be read. ` : ""}${unmasking ?? ""}</span>
      <button onClick=${closeHistory}>Close the history</button></div>`;
  }
  return null;
}

// A narrow page shows one column at a time.
function Views() {
  const shown = Object.entries(VIEWS).filter(([id]) => id !== "life" || (!state.info.readonly && (state.life.length || state.counterpart)));
  return html`
    <nav class="views" aria-label="Columns">
      ${shown.map(([id, label]) => html`<button key=${id} aria-current=${state.view === id ? "page" : undefined} onClick=${() => set({view: id})}>${label}</button>`)}
    </nav>`;
}

useStoredTheme();
const root = document.getElementById("app");
root.replaceChildren();
onChange(() => render(html`<${App} />`, root));
document.addEventListener("keydown", pressed);
window.addEventListener("beforeunload", (leaving) => { if (dirtyMapping()) leaving.preventDefault(); });
set({});
load().then(listen);
