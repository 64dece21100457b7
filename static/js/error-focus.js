// After a form was refused, focus goes to the list of what to fix. Without it the list still stands above the form.
function focusSummary(root) {
  const summary = root.matches?.("[data-error-summary]") ? root : root.querySelector("[data-error-summary]");
  summary?.focus();
}

focusSummary(document);
document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt !== document.body) focusSummary(event.detail.elt);
});
