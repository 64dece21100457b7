// Marks the thumbnail of the photo in view. Without it the thumbnails still scroll the strip.
function watch(gallery) {
  if (gallery.hasAttribute("data-gallery-watched")) return;
  gallery.setAttribute("data-gallery-watched", "");
  const strip = gallery.querySelector("[data-gallery-strip]");
  const thumbs = [...gallery.querySelectorAll("a[href^='#']")];

  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const thumb of thumbs) thumb.setAttribute("aria-current", String(thumb.hash.slice(1) === entry.target.id));
    }
  }, { root: strip, threshold: .6 });

  // Wide screens show all photos: nothing scrolls, so there is nothing to focus.
  new ResizeObserver(() => {
    strip.tabIndex = strip.scrollWidth > strip.clientWidth ? 0 : -1;
  }).observe(strip);

  for (const thumb of thumbs) {
    const photo = document.getElementById(thumb.hash.slice(1));
    watcher.observe(photo);
    thumb.addEventListener("click", (event) => {
      event.preventDefault();
      strip.scrollTo({ left: photo.offsetLeft - strip.offsetLeft });
    });
  }
}

function wire(root) {
  if (root.matches?.("[data-gallery]")) watch(root);
  root.querySelectorAll("[data-gallery]").forEach(watch);
}

wire(document);
document.addEventListener("htmx:load", (event) => wire(event.detail.elt));
