// The recovery desk: keys for the queue, and a sign of life for the case that somebody works on.
// Both pages work without it; a case that gets no sign is free again after half an hour.
import { announce } from "./announce.js";

const BEAT = 5 * 60 * 1000; // milliseconds

const queue = document.querySelector("[data-desk-queue]");
const keys = document.querySelector("[data-desk-keys]");
if (queue) {
  const rows = [...queue.querySelectorAll("[data-desk-row]")];
  let at = -1;
  const go = (step) => {
    rows[at]?.classList.remove("is-current");
    at = Math.min(Math.max(at + step, 0), rows.length - 1);
    rows[at].classList.add("is-current");
    rows[at].scrollIntoView({ block: "nearest" });
    rows[at].querySelector("a").focus();
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
  });
}
addEventListener("keydown", (event) => {
  if (event.key !== "?" || !keys || event.target.closest("input, select, textarea")) return;
  keys.open = !keys.open;
  if (keys.open) keys.querySelector("summary").focus();
});

const lease = document.querySelector("[data-heartbeat]");
if (lease) {
  const timer = setInterval(beat, BEAT);
  async function beat() {
    const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
    const answer = await fetch(lease.dataset.heartbeat, {
      method: "POST",
      headers: { "X-CSRFToken": token, Accept: "application/json" },
    }).catch(() => null);
    if (answer === null) return; // the network; the next one may get through
    if (answer.ok && !answer.redirected) {
      const until = new Date((await answer.json()).until);
      lease.querySelector("[data-lease-until]").textContent = until.toISOString().slice(11, 16);
      return;
    }
    clearInterval(timer);
    lease.classList.replace("lease--mine", "lease--lost");
    lease.querySelector("p").textContent = "You do not work on this case any more. Reload the page before you act.";
    announce("You do not work on this case any more.");
  }
}
