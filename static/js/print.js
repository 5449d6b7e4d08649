// <button hidden data-print>: prints the page; a browser without script has its own menu for that.
for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
