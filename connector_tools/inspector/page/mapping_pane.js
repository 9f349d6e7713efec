// The mapping file with line numbers: it can be edited in place, and what is pointed at or under the
// caret is looked up in the plan. The text lies in a transparent text area over the coloured lines.
import {html, useEffect, useLayoutEffect, useRef} from "./html.js";
import {save} from "./file.js";
import {dropMappingEdits, editMapping} from "./planning.js";
import {coloured, MappingLine} from "./mapping_line.js";
import {isPointed, isReader, pointAtSpan, spanAt, spansByLine} from "./pointing.js";
import {dirtyMapping, set, state} from "./store.js";
import {counted} from "./words.js";

const ROW = 18;      // pixels; --row in style.css
const LEFT = 10;     // pixels left of the text; --code-left in style.css

export function MappingPane() {
  const errors = problems().filter((one) => one.severity === "error").length;
  return html`
    <section class="panel pane mapping-pane" data-view="mapping" aria-label="Mapping file">
      <div class="panel-head">
        <h3>Mapping</h3>
        <span class="file" title=${state.info.file}>${String(state.info.file ?? "").split("/").at(-1)}</span>
        ${dirtyMapping() ? html`<span class="tag edited">edited</span>` : null}
        ${errors ? html`<button class="tag bad" onClick=${() => set({tab: "problems", view: "why"})}>${counted(errors, "error")}</button>` : null}
        <span class="spring"></span>
        ${dirtyMapping() ? html`
          <button class="quiet" onClick=${dropMappingEdits}>Undo edits</button>
          <button onClick=${() => save()} disabled=${state.saving} title="Save the file (Ctrl+S)" aria-keyshortcuts="Control+S">${state.saving ? "Saving…" : "Save file"}</button>` : null}
      </div>
      ${state.conflict ? html`<div class="banner warn" role="alert">The file changed on disk while you edited it.
        <button onClick=${() => set({dialog: {kind: "conflict"}})}>Choose a text</button></div>` : null}
      ${state.mapping.trouble ? html`<div class="banner bad" role="alert">${state.mapping.trouble}</div>` : null}
      <${Source} />
    </section>`;
}

export const problems = () => state.planProblems ?? (dirtyMapping() ? state.plan?.problems : state.mapping.problems) ?? [];

function Source() {
  const scroll = useRef(null);
  const ruler = useRef(null);
  const text = state.mappingText ?? state.mapping.text;
  const lines = coloured(text);
  const widest = lines.reduce((most, line) => Math.max(most, line.text.length), 40);
  useScroll(scroll);
  const area = useSamePlace(scroll, text);
  const place = (move) => placeOf(move, ruler.current);
  return html`
    <div class="source" ref=${scroll}>
      <div class="source-inner" style=${{"--widest": widest, "--lines": lines.length}}>
        <${Lines} lines=${lines} />
        <span class="ruler code" ref=${ruler} aria-hidden="true">0000000000</span>
        <textarea ref=${area} class="code over" id="mapping-text" spellcheck=${false} autocapitalize="off" wrap="off" readOnly=${state.info.readonly}
          aria-label="Text of the mapping file" aria-describedby="mapping-help" aria-invalid=${String(problems().some((one) => one.severity === "error"))}
          value=${text} onInput=${(change) => editMapping(change.target.value)} onKeyDown=${sourceKey} onKeyUp=${atCaret} onClick=${atCaret}
          onMouseMove=${(move) => { const at = place(move); pointAtSpan(spanAt(at.line, at.column)); }} onMouseLeave=${() => pointAtSpan(null)} onBlur=${() => { if (!state.held) pointAtSpan(null); }}></textarea>
        <p id="mapping-help" class="sr">The value of the expression at the caret is read out below. Escape leaves the text.</p>
      </div>
    </div>`;
}

// Scrolls to the line that was asked for. A pane that a narrow page hides forgets where it was, so the
// place is kept and set again when the pane is shown.
function useScroll(scroll) {
  const kept = useRef({goTo: null, top: 0});
  useEffect(() => {
    const pane = scroll.current;
    const keep = () => { if (pane.clientHeight) kept.current.top = pane.scrollTop; };
    pane.addEventListener("scroll", keep);
    return () => pane.removeEventListener("scroll", keep);
  }, []);
  useLayoutEffect(() => {      // before a key gives the text the focus
    const pane = scroll.current;
    if (!pane.clientHeight) return;
    if (state.goTo && kept.current.goTo !== state.goTo) {
      putCaret(pane.querySelector("textarea"), state.goTo.line);
      kept.current = {goTo: state.goTo, top: Math.max(0, (state.goTo.line - (state.goTo.at === "start" ? 2 : 8)) * ROW)};
    }
    pane.scrollTo({top: kept.current.top});
  }, [state.goTo, state.view]);
}

// The caret stands where the page scrolled to, so that the focus does not scroll elsewhere.
function putCaret(area, line) {
  if (document.activeElement === area) return;
  const at = area.value.split("\n").slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area.setSelectionRange(at, at);
}

// Keeps caret and scroll where they are if the text is replaced by another one than was typed.
function useSamePlace(scroll, text) {
  const area = useRef(null);
  const before = area.current && area.current.value !== text
    ? {caret: [area.current.selectionStart, area.current.selectionEnd], top: scroll.current.scrollTop, left: scroll.current.scrollLeft} : null;
  useLayoutEffect(() => {
    if (!before) return;
    area.current.setSelectionRange(...before.caret);
    scroll.current.scrollTo({top: before.top, left: before.left});
  }, [text]);
  return area;
}

function placeOf(move, ruler) {
  const box = move.currentTarget.getBoundingClientRect();
  const wide = ruler.getBoundingClientRect().width / 10;
  return {line: Math.floor((move.clientY - box.top) / ROW) + 1, column: Math.floor((move.clientX - box.left - LEFT) / wide) + 1};
}

function atCaret(event) {
  const before = event.target.value.slice(0, event.target.selectionStart);
  const line = before.split("\n").length;
  const span = spanAt(line, before.length - before.lastIndexOf("\n"));
  pointAtSpan(span, Boolean(span));
}

function sourceKey(key) {
  const command = key.ctrlKey || key.metaKey;
  if (key.key === "Escape") { key.target.blur(); document.getElementById("event-title")?.focus(); }
  if (command && key.key === "s") { key.preventDefault(); save(); }
  if (key.altKey && (key.key === "ArrowDown" || key.key === "ArrowUp")) { key.preventDefault(); nextSpan(key.target, key.key === "ArrowDown"); }
}

// Moves the caret to the next expression, or the one before.
function nextSpan(area, forward) {
  const lines = area.value.split("\n");
  const starts = [0];
  for (const line of lines) starts.push(starts.at(-1) + line.length + 1);
  const places = [...spansByLine().values()].flat().map((one) => starts[one.line - 1] + one.column - 1).sort((one, other) => one - other);
  const at = area.selectionStart;
  const next = forward ? places.find((place) => place > at) : places.findLast((place) => place < at);
  if (next === undefined) return;
  area.setSelectionRange(next, next);
  const line = area.value.slice(0, next).split("\n").length;
  set({goTo: {line, at: "center"}});
  atCaret({target: area});
}

function Lines({lines}) {
  const found = spansByLine();
  const wrong = Map.groupBy(problems(), (one) => one.line);
  const rules = new Map((state.plan?.rules ?? []).map((rule) => [rule.line, rule]));
  return html`<div class="lines code" aria-hidden="true">
    ${lines.map((line, index) => {
      const number = index + 1;
      const spans = found.get(number) ?? [];
      const marks = spans.filter((one) => isPointed(one) || isReader(one));
      return html`<${MappingLine} key=${number} number=${number} line=${line} spans=${spans} problems=${wrong.get(number)} rule=${rules.get(number)}
        marks=${marks.length ? marks.map((one) => `${one.column}${isPointed(one) ? "p" : "r"}`).join() : ""} />`;
    })}
  </div>`;
}
