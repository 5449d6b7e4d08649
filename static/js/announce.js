// Says a short sentence to eyes and screen readers, in the live region of base.html.
let timer;

export function announce(sentence) {
  const region = document.getElementById("announce");
  if (!region) return;
  region.textContent = "";
  // A region that changes twice to the same text is read once; a frame between makes it two changes.
  requestAnimationFrame(() => { region.textContent = sentence; });
  clearTimeout(timer);
  timer = setTimeout(() => { region.textContent = ""; }, 4000);
}
