// Light, dark, or as the system has it; the choice is kept in the browser.
import {set} from "./store.js";

const NEXT = {system: "light", light: "dark", dark: "system"};

export const theme = () => document.documentElement.dataset.theme ?? "system";

export function useStoredTheme() {
  const stored = localStorage.getItem("theme");
  if (stored === "light" || stored === "dark") document.documentElement.dataset.theme = stored;
}

export function nextTheme() {
  const next = NEXT[theme()];
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
  set({});
}
