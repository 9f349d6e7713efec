// The dialogs: keys, name of a test, the test that was written, a reply of one's own, a changed file.
import {html, useEffect, useRef, useState} from "./html.js";
import {makeTest, pin} from "./actions.js";
import {save, takeFile} from "./file.js";
import {attempt, copyText} from "./notices.js";
import {set, state, summaryOf} from "./store.js";
import {nameOf} from "./words.js";

export function Dialogs() {
  const {dialog} = state;
  if (!dialog) return null;
  const Inside = {help: Help, test: NameOfTest, "test-made": TestMade, pin: OwnReply, conflict: Conflict}[dialog.kind];
  return html`<${Frame} key=${dialog.kind}><${Inside} dialog=${dialog} /><//>`;
}

export const closeDialog = () => set({dialog: null});

function Frame({children}) {
  const dialog = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onClose=${closeDialog}
    onClick=${(click) => { if (click.target === click.currentTarget) closeDialog(); }} onKeyDown=${(key) => key.stopPropagation()}>
    <div class="dialog-body">${children}</div></dialog>`;
}

const KEYS = [
  ["j, k or ↓, ↑", "next and previous event"], ["Enter", "open the event"], ["/", "search"], ["f", "follow the newest event"],
  ["v", "reveal or mask personal data"], ["e", "edit the event as text"], ["m", "go to the mapping"], ["Alt+↓, Alt+↑", "in the mapping: next and previous expression"],
  ["s", "send the event (in a text: Ctrl+Enter)"], ["p", "pin a reply to the first call"], ["t", "make a masked test"], ["Ctrl+S", "save the file"],
  ["Enter or F2", "in the event: edit a value"], ["Escape", "leave, close"], ["?", "these keys"],
];

function Help() {
  return html`
    <h2 id="dialog-title">Keys</h2>
    <dl class="keys">${KEYS.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <div class="dialog-actions"><button class="main" onClick=${closeDialog}>Close</button></div>`;
}

function NameOfTest() {
  const event = summaryOf(state.selected);
  const [name, setName] = useState(event ? `${event.event_type} is ${nameOf(event.outcome)}` : "");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState("");
  const input = useRef(null);
  useEffect(() => { input.current.focus(); input.current.select(); }, []);
  const make = async () => {
    if (!name.trim() || busy) return;
    setBusy(true);
    try { await makeTest(name.trim()); } catch (error) { setRefused(error.message); setBusy(false); }
  };
  return html`
    <h2 id="dialog-title">Make a test of event #${state.selected}</h2>
    <p>The event, its replies and its outcome are added to the tests of the file. Personal data is masked.</p>
    <label>Name of the test <input ref=${input} class="wide" value=${name} onInput=${(change) => setName(change.target.value)}
      onKeyDown=${(key) => { if (key.key === "Enter") { key.preventDefault(); make(); } }} /></label>
    ${refused ? html`<p class="failure" role="alert">${refused}</p>` : null}
    <div class="dialog-actions">
      <button onClick=${closeDialog}>Cancel</button>
      <button class="main" disabled=${busy || !name.trim()} onClick=${make}>${busy ? "Writing…" : "Write the test"}</button>
    </div>`;
}

function TestMade({dialog}) {
  return html`
    <h2 id="dialog-title">The test is in the file</h2>
    <p>It begins at line ${dialog.line} of <code>${state.info.file}</code>.</p>
    <pre class="code" tabIndex="0" aria-label="The test that was added">${dialog.text}</pre>
    <div class="dialog-actions">
      <button onClick=${() => copyText(dialog.text, "Copied.")}>Copy</button>
      <button onClick=${() => set({dialog: null, goTo: {line: dialog.line, at: "start"}, view: "mapping"})}>Show in the file</button>
      <button class="main" onClick=${closeDialog}>Close</button>
    </div>`;
}

function OwnReply({dialog}) {
  const [status, setStatus] = useState("200");
  const [body, setBody] = useState("");
  const hasStatus = state.info.pin_kinds?.find((one) => one.kind === "status")?.enabled !== false;
  const good = !hasStatus || /^\d{1,4}$/.test(status);
  const more = {body, times: dialog.once ? 1 : null};
  return html`
    <h2 id="dialog-title">Pin a reply of your own</h2>
    ${hasStatus ? html`<label>Status <input inputMode="numeric" size="4" value=${status} aria-invalid=${String(!good)} onInput=${(change) => setStatus(change.target.value)} /></label>` : null}
    <label>Body <textarea class="code" rows="6" value=${body} onInput=${(change) => setBody(change.target.value)}></textarea></label>
    <div class="dialog-actions">
      <button onClick=${closeDialog}>Cancel</button>
      <button class="main" disabled=${!good} onClick=${() => { pin(dialog.call, hasStatus ? "status" : "text", hasStatus ? {status: Number(status), ...more} : more); closeDialog(); }}>Pin</button>
    </div>`;
}

function Conflict() {
  return html`
    <h2 id="dialog-title">The file changed on disk</h2>
    <p>Something else wrote <code>${state.info.file}</code> since you began to edit. Which text shall stay?</p>
    <div class="dialog-actions">
      <button onClick=${closeDialog}>Decide later</button>
      <button onClick=${takeFile}>Take the file, drop my edits</button>
      <button class="main" onClick=${() => attempt(() => save({over: true}))}>Keep mine, write over the file</button>
    </div>`;
}
