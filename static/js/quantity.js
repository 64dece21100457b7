// Minus and plus beside a number field. Without it the buttons are hidden and the field is typed into.
// A form with data-autosubmit is sent when the number changes, so the cart needs no "Update" button.
function wire(root) {
  for (const button of root.querySelectorAll("[data-quantity] button")) button.hidden = false;
  for (const button of root.querySelectorAll("form[data-autosubmit] [data-autosubmit-fallback]")) button.hidden = true;
}

let pressed = null;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-quantity] button");
  if (!button) return;
  pressed = button.getAttribute("aria-label");
  const field = button.closest("[data-quantity]").querySelector("input");
  const before = field.value;
  field[button.value === "less" ? "stepDown" : "stepUp"]();
  if (field.value !== before) field.dispatchEvent(new Event("change", { bubbles: true }));
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-autosubmit]");
  if (form?.reportValidity()) form.requestSubmit();
});

// The answer brings new buttons: focus goes to the twin of the one that was pressed.
function refocus(root) {
  if (!pressed || document.activeElement !== document.body) return;
  const twin = [...root.querySelectorAll("[data-quantity] button")].find((button) => button.getAttribute("aria-label") === pressed);
  if (twin) { pressed = null; twin.focus({ preventScroll: true }); }
}

wire(document);
document.addEventListener("htmx:load", (event) => { wire(event.detail.elt); refocus(event.detail.elt); });
