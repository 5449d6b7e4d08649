// What scrolls sideways can be reached and scrolled with the keyboard.
for (const box of document.querySelectorAll("pre, .table-wrap, .prose table")) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
