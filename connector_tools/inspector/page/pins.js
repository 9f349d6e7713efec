// Pinned replies: what the system shall seem to answer to a call, until the pin is removed.
import {html, useEffect, useRef} from "./html.js";
import {Icon} from "./icons.js";
import {pin, unpin} from "./actions.js";
import {set, state} from "./store.js";

const KINDS = [
  ["status", "Answers 500", {status: 500}],
  ["fault", "Reports a fault", {}],
  ["exists", "Says “exists already”", {}],
  ["timeout", "Times out", {}],
  ["close", "Closes the connection", {}],
  ["refused", "Refuses the connection", {}],
];
const LABELS = {status: "answers", fault: "reports a fault", exists: "says “exists already”", timeout: "times out", close: "closes the connection", refused: "refuses the connection", text: "answers with your text"};

export function ActivePins() {
  if (!state.pins.length) return null;
  return html`
    <ul class="pins" aria-label="Pinned replies">
      ${state.pins.map((one) => html`
        <li key=${one.id}><${Icon} name="pin" />
          <span>${one.line ? `The call of line ${one.line}` : "Every call"} ${LABELS[one.kind] ?? one.kind}${one.kind === "status" ? ` ${one.status}${one.body ? " with your text" : ""}` : ""}${one.times ? `, ${one.times === 1 ? "once" : `${one.times} times`}` : ""}</span>
          ${state.info.readonly ? null : html`<button class="bare" aria-label="Remove the pin" title="Remove the pin" onClick=${() => unpin(one.id)}><${Icon} name="close" /></button>`}
        </li>`)}
    </ul>`;
}

export function PinButton({call, id}) {
  const open = state.menu?.id === id;
  return html`
    <button class="bare" id=${`pin-${id}`} title="Pin a reply (p)" aria-label="Pin a reply to this call" aria-haspopup="menu" aria-expanded=${String(open)}
      onClick=${(click) => openMenu(click.currentTarget, call, id)}><${Icon} name="pin" /></button>`;
}

export function openMenu(button, call, id) {
  const box = button.getBoundingClientRect();
  set({menu: state.menu?.id === id ? null : {id, call, top: box.bottom + 4, right: Math.max(8, window.innerWidth - box.right), opener: button.id, once: false}});
}

function close({focus = true} = {}) {
  const opener = state.menu?.opener;
  set({menu: null});
  if (focus) requestAnimationFrame(() => document.getElementById(opener)?.focus());
}

export function PinMenu() {
  const menu = useRef(null);
  const shown = Boolean(state.menu);
  useEffect(() => {
    if (!shown) return undefined;
    const items = menu.current;
    items.querySelector("button").focus();
    const outside = (press) => { if (!items.contains(press.target) && !press.target.closest('[aria-haspopup="menu"]')) close({focus: false}); };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [state.menu?.id]);
  if (!shown) return null;
  const {call, top, right, once} = state.menu;
  const offered = (kind) => state.info.pin_kinds?.find((one) => one.kind === kind);
  const choose = (kind, more) => { pin(call, kind, {...more, times: once ? 1 : null}); close(); };
  return html`
    <div class="menu" role="menu" aria-label="The system shall seem to answer" ref=${menu} style=${{top: `${Math.min(top, window.innerHeight - 296)}px`, right: `${right}px`}} onKeyDown=${menuKey}>
      <p class="menu-title" aria-hidden="true">The system…</p>
      ${KINDS.filter(([kind]) => offered(kind)?.enabled !== false).map(([kind, label, more]) => html`<button key=${kind} role="menuitem" tabIndex="-1" onClick=${() => choose(kind, more)}>${label.toLowerCase()}</button>`)}
      ${offered("text")?.enabled === false ? null : html`<button role="menuitem" tabIndex="-1" onClick=${() => set({dialog: {kind: "pin", call, once}, menu: null})}>answers with a text of yours…</button>`}
      <hr role="separator" />
      <button role="menuitemcheckbox" tabIndex="-1" aria-checked=${String(once)} onClick=${() => set({menu: {...state.menu, once: !once}})}>only once</button>
    </div>`;
}

function menuKey(key) {
  const items = [...key.currentTarget.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement);
  const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1}[key.key];
  key.stopPropagation();
  if (to !== undefined) { key.preventDefault(); items.at(to % items.length).focus(); }
  else if (key.key === "Escape" || key.key === "Tab") { key.preventDefault(); close(); }
}
