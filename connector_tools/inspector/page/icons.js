// Small drawings. Each outcome has a shape of its own, so that colour is never the only sign.
import {html} from "./html.js";
import {nameOf, shapeOf, toneOf} from "./words.js";

const line = (d) => html`<path d=${d} fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" />`;
const full = (d) => html`<path d=${d} fill="currentColor" />`;

const SHAPES = {
  disc: html`<circle cx="6" cy="6" r="4.2" fill="currentColor" />`,
  ring: line("M6 2.2a3.8 3.8 0 1 1 0 7.6a3.8 3.8 0 1 1 0-7.6"),
  rings: [line("M4.4 3a3 3 0 1 1 0 6a3 3 0 1 1 0-6"), line("M8 3.1a3 3 0 0 1 0 5.8")],
  half: [line("M6 2.2a3.8 3.8 0 1 1 0 7.6a3.8 3.8 0 1 1 0-7.6"), full("M6 2.2a3.8 3.8 0 0 1 0 7.6z")],
  arrow: line("M2 9V6a2 2 0 0 1 2-2h5.5M7.4 1.8L9.8 4L7.4 6.2"),
  triangle: full("M6 1.4L11 10.4H1z"),
  diamond: full("M6 .9L11.1 6L6 11.1L.9 6z"),
  hollow: line("M6 1.8L10.2 6L6 10.2L1.8 6z"),
  bars: line("M4 2.5v7M8 2.5v7"),
  cross: line("M2.5 2.5l7 7M9.5 2.5l-7 7"),
  gap: line("M1 6h2.6M8.4 6H11M4.6 3.4v5.2M7.4 3.4v5.2"),
  square: full("M2 2h8v8H2z"),
};

export const Shape = ({outcome}) => html`<svg class="shape" viewBox="0 0 12 12" aria-hidden="true">${SHAPES[shapeOf(outcome)]}</svg>`;

export const Outcome = ({outcome}) => html`
  <span class=${`outcome ${toneOf(outcome)}`}><${Shape} outcome=${outcome} />${nameOf(outcome) || "no outcome"}</span>`;

const ICONS = {
  eye: "M1 8s2.6-4.6 7-4.6S15 8 15 8s-2.6 4.6-7 4.6S1 8 1 8M8 5.9a2.1 2.1 0 1 1 0 4.2a2.1 2.1 0 1 1 0-4.2",
  hidden: "M2 2l12 12M6.3 3.6A7.6 7.6 0 0 1 8 3.4C12.400 3.400 15 8 15 8a13 13 0 0 1-2.100 2.600M4 5C2.100 6.300 1 8 1 8s2.600 4.600 7 4.600c1.200 0 2.200-.3 3.100-.8",
  pin: "M5 2h6M6 2v4.500L4 9h8L10 6.500V2M8 9v5",
  copy: "M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3",
  close: "M4 4l8 8M12 4l-8 8",
  send: "M2.500 8h10M8.500 4l4 4l-4 4",
  down: "M4 6l4 4l4-4",
  sun: "M8 5a3 3 0 1 1 0 6a3 3 0 1 1 0-6M8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13 9.500A5.500 5.500 0 0 1 6.500 3a5.500 5.500 0 1 0 6.500 6.500",
  system: "M2 3h12v8H2zM6 14h4M8 11v3",
  help: "M8 1.500a6.500 6.500 0 1 1 0 13a6.500 6.500 0 1 1 0-13M6 6.200a2 2 0 1 1 2.800 1.900c-.6.3-.8.6-.8 1.300M8 11.600v.1",
};

export const Icon = ({name}) => html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">${
  html`<path d=${ICONS[name]} fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" />`}</svg>`;
