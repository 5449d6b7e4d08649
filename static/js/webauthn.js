// Asks a security key or passkey, and sends its answer as a form.
//
// <form data-webauthn="get|create" data-options="/where/the/challenge/is/" hidden>
//   <input type="hidden" name="credential">  <button data-ask [data-kind="passkey|key"]>  <p data-said role="status">
// data-whole: all that stands in the form is sent to where the challenge is, since it becomes part of what is signed.
// data-autofill: also offers passkeys in the browser's suggestions for the user name.
// Without script, or where the browser knows no keys, the form stays hidden and what is beside it works.

const supported = "PublicKeyCredential" in window && Boolean(navigator.credentials);
let waiting; // the ceremony under way: a browser takes one at a time
// The site keeps the latest challenge alone. So they are asked for one after the other, or the answer to the one that
// came last could be to one that was replaced; and none once an answer is on its way.
let line = Promise.resolve();
let sent = false;

function toBytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

function toText(bytes) {
  if (!bytes) return undefined;
  const plain = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Browsers have functions for this now, but not all that people use.
function decoded(options) {
  const known = (each) => ({ ...each, id: toBytes(each.id) });
  const ready = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) ready.user = { ...options.user, id: toBytes(options.user.id) };
  if (options.excludeCredentials) ready.excludeCredentials = options.excludeCredentials.map(known);
  if (options.allowCredentials) ready.allowCredentials = options.allowCredentials.map(known);
  return ready;
}

function encoded(credential) {
  const { response } = credential;
  const fields = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const answer = {};
  for (const field of fields) {
    const text = toText(response[field]);
    if (text !== undefined) answer[field] = text;
  }
  if (response.getTransports) answer.transports = response.getTransports();
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: answer,
  };
}

class Refused extends Error {}

function inTurn(work) {
  const turn = line.then(work);
  line = turn.catch(() => {});
  return turn;
}

async function challenge(form, kind) {
  const body = "whole" in form.dataset ? new FormData(form) : new FormData();
  body.delete("credential");
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  if (kind) body.set("kind", kind);
  const answer = await fetch(form.dataset.options, {
    method: "POST",
    body,
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(20_000), // the next one waits for this one
  });
  const content = await answer.json();
  if (!answer.ok) throw new Refused(content.detail, { cause: content.code });
  return content;
}

function sentence(error, form, seconds, options) {
  if (error instanceof Refused) return error.message;
  const timedOut = options && seconds * 1000 >= options.timeout - 1000;
  switch (error.name) {
    case "NotAllowedError":
      return timedOut
        ? "The key did not answer in time. Nothing has changed; try again when it is at hand."
        : "Cancelled, or no key of yours answered. Nothing has changed; you can try again.";
    case "InvalidStateError":
      return "This key is registered already. Take another one.";
    case "SecurityError":
      return "Keys do not work under this address. Open the site under its own address and try again.";
    case "NotSupportedError":
    case "ConstraintError":
      return "This key cannot do what is needed here. Take another one, or another way.";
    default:
      return "The site could not be reached, or the browser failed. Check the connection and try again.";
  }
}

function say(form, text) {
  form.querySelector("[data-said]").textContent = text;
}

async function ask(form, { kind, mediation } = {}) {
  if (sent) return;
  waiting?.abort();
  waiting = new AbortController();
  const { signal } = waiting;
  const began = performance.now();
  let options;
  try {
    options = await inTurn(() => signal.aborted ? undefined : challenge(form, kind));
    if (signal.aborted) return;
    const request = { publicKey: decoded(options), signal };
    if (mediation) request.mediation = mediation;
    if (!mediation) say(form, "Waiting for your key. Follow what the browser says.");
    const credential = await navigator.credentials[form.dataset.webauthn](request);
    if (signal.aborted || !credential) return;
    form.elements.credential.value = JSON.stringify(encoded(credential));
    say(form, "Your key has answered.");
    sent = true;
    form.submit();
  } catch (error) {
    if (signal.aborted) return;
    if (error.cause === "step-up-needed") location.reload(); // leads to the proof and back
    else if (!mediation) say(form, sentence(error, form, (performance.now() - began) / 1000, options));
  }
}

async function offer(form) {
  form.hidden = false;
  for (const button of form.querySelectorAll("button[data-ask]")) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      if (form.reportValidity()) ask(form, { kind: button.dataset.kind });
    });
  }
  if ("autofill" in form.dataset && await PublicKeyCredential.isConditionalMediationAvailable?.()) {
    ask(form, { mediation: "conditional" });
  }
}

// What a device with a finger reader or the like does best comes first there.
async function preferPlatform() {
  const passkeys = document.querySelectorAll("[data-platform]");
  if (!passkeys.length) return;
  if (!await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable?.()) return;
  for (const passkey of passkeys) {
    for (const button of passkey.parentElement.querySelectorAll(".btn")) {
      button.classList.toggle("btn--primary", passkey.contains(button));
    }
    passkey.parentElement.prepend(passkey);
  }
}

// Whoever goes back may find the page as it was left.
addEventListener("pageshow", (event) => { if (event.persisted) sent = false; });

if (supported) {
  preferPlatform();
  for (const element of document.querySelectorAll("[data-keys]")) element.hidden = false;
  for (const form of document.querySelectorAll("form[data-webauthn]")) offer(form);
} else {
  for (const note of document.querySelectorAll("[data-no-keys]")) note.hidden = false;
}
