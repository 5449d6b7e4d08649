// <button hidden data-copy="element-id">: copies that element's text. Without script the button stays hidden.
import { announce } from "./announce.js";

function selectText(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (!source) return;
  try {
    await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
    announce("Copied to the clipboard.");
  } catch {
    // No clipboard permission, or plain http: leave the text selected so that one keystroke copies it.
    selectText(source);
    announce("Selected. Press Ctrl+C or Command+C to copy.");
  }
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
