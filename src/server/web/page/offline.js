// The service worker: without a network the page says so, in place of the browser; and on a phone only it may show a
// notification. It keeps one page and nothing that anybody said.
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><meta http-equiv="refresh" content="30"><title>ChitChat</title>
<main><h1>ChitChat can't be reached</h1><p>Are you online? This page tries again by itself.</p><p><a href="/">Try now</a></p></main></html>`;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (event.request.mode !== "navigate") return;
  const offline = () => new Response(PAGE, { status: 503, headers: { "Content-Type": "text/html; charset=utf-8" } });
  event.respondWith(fetch(event.request).catch(offline));
});

// Back to the page that is open, at the conversation that it is about.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    const [page] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    if (!page) return self.clients.openWindow("/");
    page.postMessage({ open: event.notification.data });
    await page.focus();
  })());
});
