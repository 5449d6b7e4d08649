// Recovery codes: data-download="element-id" saves its text as a file, data-print prints the page.
import { announce } from "./announce.js";

function download(button) {
  const source = document.getElementById(button.dataset.download);
  if (!source) return;
  const lines = [...source.querySelectorAll("li")].map((item) => item.textContent.trim());
  const text = lines.length ? lines.join("\n") : source.textContent.trim();
  const heading = button.dataset.heading ? `${button.dataset.heading}\n\n` : "";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${heading}${text}\n`], { type: "text/plain" }));
  link.download = button.dataset.filename || "recovery-codes.txt";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  announce("Saved as a text file.");
}

for (const button of document.querySelectorAll("button[data-download]")) {
  button.hidden = false;
  button.addEventListener("click", () => download(button));
}
for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
