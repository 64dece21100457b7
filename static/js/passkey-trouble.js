// Says beside the button why a passkey was not made or used. allauth's script would only write to the console.
const BUTTONS = "#passkey_login, #mfa_webauthn_signup, #mfa_webauthn_add, #mfa_webauthn_authenticate, #mfa_webauthn_reauthenticate";
const NOT_DONE = "The passkey was not used, or it took too long. Nothing has changed: try again when you like.";
const WORDS = {
  NotAllowedError: NOT_DONE,
  AbortError: NOT_DONE,
  InvalidStateError: "This device has a passkey for your account already.",
};
const OTHERWISE = "Passkeys do not work in this browser just now. Another way does.";

document.addEventListener("allauth.error", (event) => {
  const button = document.querySelector(BUTTONS);
  const template = document.querySelector("[data-passkey-trouble]");
  if (!button || !template) return;
  event.preventDefault();
  document.querySelector("[data-passkey-said]")?.remove();
  const notice = template.content.firstElementChild.cloneNode(true);
  notice.dataset.passkeySaid = "";
  notice.setAttribute("role", "alert");
  notice.querySelector("p").textContent = WORDS[event.detail.exception?.name] ?? OTHERWISE;
  button.after(notice);
});
