// <button data-share data-share-title data-share-text data-share-url hidden>: shows where the share sheet exists.
const sheet = ({ shareTitle: title, shareText: text, shareUrl: url }) => ({ title, text, url });

function wire(root) {
  for (const button of root.querySelectorAll("[data-share]")) button.hidden = !navigator.canShare?.(sheet(button.dataset));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-share]");
  if (button) navigator.share(sheet(button.dataset)).catch(() => {}); // closing the sheet is no error
});

wire(document);
document.addEventListener("htmx:load", (event) => wire(event.detail.elt));
